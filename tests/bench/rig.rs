//! A running sidegate for the benches that ask one over its socket, and what nginx would ask it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};

use sidegate::auth::cookie_value;

pub(crate) const SECRET: &str = "a bench's own secret, as long as Better Auth wants it";

/// A process that tells in the first line of a JSON log that has it where it listens; killed when dropped.
pub(crate) struct Server {
    child: Child,
    told: serde_json::Value,
    /// Open, and read no further.
    _log: BufReader<ChildStderr>,
}

impl Server {
    /// sidegate, become of `launcher`, with that SQLite file, on free ports.
    pub(crate) fn sidegate(mut launcher: Command, database: &std::path::Path, settings: &[&str]) -> Self {
        Self::start(
            launcher
                .arg(env!("CARGO_BIN_EXE_sidegate"))
                .args(["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--log-format=json"])
                .args(settings)
                .env("BETTER_AUTH_SECRET", SECRET)
                .env("DATABASE_URL", format!("sqlite:{}", database.display())),
        )
    }

    /// Whatever else can be asked.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let told = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended before it listened");
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            if line.get("listen").is_some() {
                break line;
            }
        };
        Self { child, told, _log: log }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The address in that setting.
    pub(crate) fn address(&self, setting: &str) -> SocketAddr {
        self.told.get(setting).and_then(serde_json::Value::as_str).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What nginx would send: 15 headers, four cookies with ours last, whose value is signed by whomever.
pub(crate) fn request(signed: &str) -> String {
    let signed = cookie_value(signed);
    format!(
        "GET /auth/nginx HTTP/1.1\r\nHost: sidegate\r\nX-Original-URL: https://app.example.com/api/orders/1234?page=2\r\n\
         X-Original-Method: GET\r\nX-Real-IP: 203.0.113.7\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36\r\n\
         Accept: application/json, text/plain, */*\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
         Accept-Encoding: gzip, deflate, br\r\nReferer: https://app.example.com/orders\r\nSec-Fetch-Site: same-origin\r\n\
         Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nOrigin: https://app.example.com\r\nDNT: 1\r\n\
         Cookie: _ga=GA1.2.1234567890.1700000000; theme=dark; locale=en-GB; better-auth.session_token={signed}\r\n\r\n"
    )
}
