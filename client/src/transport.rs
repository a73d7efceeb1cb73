//! Where the bytes go. TCP by default; anything that reads and writes (TLS, a proxy, a test's pipe) by [`Connector`].

use std::future::Future;
use std::io;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// The half that is read.
pub type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;
/// The half that is written.
pub type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;
/// A connection about to be opened.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<(ReadHalf, WriteHalf)>> + Send + 'a>>;

/// Opens connections.
pub trait Connector: Send + Sync + 'static {
    /// Opens one.
    fn connect(&self) -> Connecting<'_>;
}

/// Opens TCP connections, without delay for small packets.
#[derive(Debug, Clone)]
pub struct Tcp {
    address: String,
}

impl Tcp {
    /// To this `host:port`.
    pub fn new(address: impl Into<String>) -> Tcp {
        Tcp { address: address.into() }
    }
}

impl Connector for Tcp {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async move {
            let stream = TcpStream::connect(self.address.as_str()).await?;
            stream.set_nodelay(true)?;
            let (read, write) = stream.into_split();
            Ok((Box::new(read) as ReadHalf, Box::new(write) as WriteHalf))
        })
    }
}
