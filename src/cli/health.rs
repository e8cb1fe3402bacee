//! `sidegate health`: one question to a running sidegate, for containers that have no curl.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::{Failure, Outcome, block_on, say};
use crate::config::{Config, ConfigError, Sources};
use crate::serve::Listen;

/// Ten times the default `store_timeout`, which is what an unready sidegate takes to say so.
const TIMEOUT: Duration = Duration::from_secs(5);
/// HTTP/1.0, so that the answer ends with the connection.
const QUESTION: &[u8] = b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n";
/// Far more than the answer has.
const ANSWER_BYTES_MAX: u64 = 4096;

pub(super) fn run(sources: &Sources) -> Outcome {
    let listen = Config::admin_listen(sources)?;
    let unhealthy = |because: &dyn std::fmt::Display| {
        Failure::failed(&ConfigError::new(format!("sidegate at {listen} is not ready")).because(because))
    };
    let answer = block_on(1, async {
        match tokio::time::timeout(TIMEOUT, ask(&listen)).await {
            Ok(answer) => answer.map_err(|error| unhealthy(&error)),
            Err(_) => Err(unhealthy(&format!("no answer within {TIMEOUT:?}"))),
        }
    })?;
    let body = answer.split_once("\r\n\r\n").map_or("no answer", |(_, body)| body.trim_end());
    if answer.starts_with("HTTP/1.0 200 ") || answer.starts_with("HTTP/1.1 200 ") {
        say(&format!("{body}\n"));
        return Ok(ExitCode::SUCCESS);
    }
    Err(unhealthy(&body))
}

async fn ask(listen: &Listen) -> io::Result<String> {
    match listen {
        Listen::Tcp(address) => exchange(TcpStream::connect(reachable(*address)).await?).await,
        Listen::Unix(path) => exchange(UnixStream::connect(path).await?).await,
        Listen::Inherited(_) => Err(io::Error::other("an inherited socket has no address to connect to")),
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<String> {
    stream.write_all(QUESTION).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Whoever listens on all addresses is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}
