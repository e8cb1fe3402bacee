//! Addresses to listen on: TCP, a UNIX socket, a descriptor inherited from systemd.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::peers::Peer;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// `127.0.0.1:4180`
    Tcp(SocketAddr),
    /// `unix:/run/sidegate/sidegate.sock`
    Unix(PathBuf),
    /// `fd:3`, as systemd's socket activation passes it.
    Inherited(usize),
}

/// Why a text names no address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not of the form 127.0.0.1:4180, [::1]:4180, unix:/path/to/socket or fd:3")]
pub struct ListenError;

/// A bound listener.
#[derive(Debug)]
pub enum Bound {
    /// TCP.
    Tcp(TcpListener),
    /// A UNIX socket, with the file to remove at the end if it was made here.
    Unix(UnixListener, Option<SocketFile>),
}

/// The file of a UNIX socket of ours, removed when dropped, unless another's has taken its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: u64,
}

/// A directory that only we may enter, removed when dropped.
struct Anteroom(PathBuf);

/// systemd's first descriptor (`SD_LISTEN_FDS_START`).
const FIRST_FD: usize = 3;

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(ListenError) } else { Ok(Self::Unix(path.into())) };
        }
        if let Some(fd) = text.strip_prefix("fd:") {
            let fd = fd.parse::<usize>().ok().and_then(|fd| fd.checked_sub(FIRST_FD));
            return fd.map(Self::Inherited).ok_or(ListenError);
        }
        text.parse().map(Self::Tcp).map_err(|_| ListenError)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Inherited(index) => write!(f, "fd:{}", FIRST_FD + index),
        }
    }
}

impl Listen {
    /// Binds it; `mode` is the permission bits of a UNIX socket's file.
    ///
    /// # Errors
    /// The operating system's, or that no such descriptor was inherited.
    pub fn bind(&self, mode: u32) -> io::Result<Bound> {
        match self {
            Self::Tcp(address) => tcp(StdTcpListener::bind(address)?),
            Self::Unix(path) => {
                let (listener, file) = bind_unix(path, mode)?;
                unix(listener, Some(file))
            }
            Self::Inherited(index) => {
                let mut inherited = listenfd::ListenFd::from_env();
                // The wrong kind of socket is an error of its own, so try both kinds.
                if let Ok(Some(listener)) = inherited.take_tcp_listener(*index) {
                    return tcp(listener);
                }
                if let Ok(Some(listener)) = inherited.take_unix_listener(*index) {
                    return unix(listener, None);
                }
                let fd = FIRST_FD + index;
                Err(io::Error::other(format!(
                    "no listening socket was passed as descriptor {fd} (LISTEN_FDS)"
                )))
            }
        }
    }
}

fn tcp(listener: StdTcpListener) -> io::Result<Bound> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener).map(Bound::Tcp)
}

fn unix(listener: StdUnixListener, file: Option<SocketFile>) -> io::Result<Bound> {
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener).map(|listener| Bound::Unix(listener, file))
}

/// Binds in a directory that nobody else may enter, sets the mode, and only then moves it to its place: at no time can
/// somebody connect whom the mode would keep out. A socket that a dead process left is replaced, a live one's is not, and what is no
/// socket is somebody's file.
fn bind_unix(path: &Path, mode: u32) -> io::Result<(StdUnixListener, SocketFile)> {
    if std::fs::symlink_metadata(path).is_ok_and(|found| !found.file_type().is_socket()) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
    }
    match StdUnixStream::connect(path) {
        Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Short, for a socket's path has 107 bytes at the most.
    let anteroom = Anteroom(path.with_file_name(format!(".{}", std::process::id())));
    // Left by a process of the same number that was killed: in a container that is every one of them.
    anteroom.clear();
    std::fs::DirBuilder::new().mode(0o700).create(&anteroom.0)?;
    let inside = anteroom.socket();
    let listener = StdUnixListener::bind(&inside)?;
    std::fs::set_permissions(&inside, PermissionsExt::from_mode(mode))?;
    std::fs::rename(&inside, path)?;
    let inode = std::fs::symlink_metadata(path)?.ino();
    Ok((listener, SocketFile { path: path.to_owned(), inode }))
}

impl Anteroom {
    fn socket(&self) -> PathBuf {
        self.0.join("s")
    }

    /// What is not there need not be removed, and what cannot be will be told by the next step.
    fn clear(&self) {
        let _ = std::fs::remove_file(self.socket());
        let _ = std::fs::remove_dir(&self.0);
    }
}

impl Drop for Anteroom {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if std::fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            // Nothing to do about a failure, and at the end nobody to tell.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Bound {
    /// Where it really listens: the port that was chosen, if 0 was asked for.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => {
                listener.local_addr().map_or_else(|error| error.to_string(), |address| address.to_string())
            }
            Self::Unix(listener, _) => {
                let path =
                    listener.local_addr().ok().and_then(|address| address.as_pathname().map(Path::to_owned));
                // The socket itself remembers the name under which it was bound.
                let path = self.file().map(|file| file.path.clone()).or(path);
                path.map_or_else(|| "unix:".to_owned(), |path| format!("unix:{}", path.display()))
            }
        }
    }

    fn file(&self) -> Option<&SocketFile> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(_, file) => file.as_ref(),
        }
    }
}

/// What both kinds of listener do.
pub(super) trait Accept {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, Peer)>> + Send;
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, address) = TcpListener::accept(self).await?;
        // Answers are small and complete: waiting to fill a segment would only delay them.
        stream.set_nodelay(true)?;
        Ok((stream, Peer::Ip(address.ip())))
    }
}

impl Accept for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Peer)> {
        UnixListener::accept(self).await.map(|(stream, _)| (stream, Peer::Unix))
    }
}
