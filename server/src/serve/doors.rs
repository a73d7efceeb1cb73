//! The doors of the binary protocol: one listening socket per owner thread, all at one address.
//!
//! The kernel deals connections out to sockets that share an address (SO_REUSEPORT). Invariant: the address is this
//! server's alone. The first socket is bound without sharing, which fails if anybody is there; only then it is shared.

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

/// Connections that wait to be accepted, per door; the system may allow fewer.
const BACKLOG: i32 = 4_096;

/// An address that is held, without anybody listening yet.
pub struct Doors {
    first: OwnedFd,
    address: SocketAddr,
}

impl Doors {
    /// Takes the address; port 0 takes a free one.
    ///
    /// # Errors
    /// If somebody else is there.
    pub fn reserve(address: SocketAddr) -> io::Result<Doors> {
        let first = socket(address)?;
        bind(&first, &address)?;
        let address = rustix::net::getsockname(&first)?.try_into().map_err(io::Error::other)?;
        Ok(Doors { first, address })
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens `count` doors.
    ///
    /// # Errors
    /// If the system refuses one.
    pub fn open(self, count: u32) -> io::Result<Vec<TcpListener>> {
        let mut doors = vec![self.first];
        if count > 1 {
            sockopt::set_socket_reuseport(&doors[0], true)?;
        }
        for _ in 1..count {
            let door = socket(self.address)?;
            sockopt::set_socket_reuseport(&door, true)?;
            bind(&door, &self.address)?;
            doors.push(door);
        }
        let open = |door: OwnedFd| {
            listen(&door, BACKLOG)?;
            let door = TcpListener::from(door);
            door.set_nonblocking(true)?;
            Ok(door)
        };
        doors.into_iter().map(open).collect()
    }
}

fn socket(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // Connections of a server before, which the system still remembers, are no reason not to start.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn doors_share_an_address_that_nobody_else_gets() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let reserved = Doors::reserve(any).unwrap();
        let address = reserved.address();
        let doors = reserved.open(3).unwrap();
        assert!(doors.iter().all(|door| door.local_addr().unwrap() == address));
        let error = Doors::reserve(address).err().expect("refused");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let mut accepted = [0; 3];
        let calls: Vec<TcpStream> = (0..60).map(|_| TcpStream::connect(address).unwrap()).collect();
        for (door, count) in doors.iter().zip(&mut accepted) {
            while door.accept().is_ok() {
                *count += 1;
            }
        }
        assert_eq!(accepted.iter().sum::<usize>(), calls.len());
        assert!(accepted.iter().all(|count| *count > 0), "{accepted:?}");
    }
}
