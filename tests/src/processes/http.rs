//! One HTTP request, by hand.

use super::PATIENCE;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// An HTTP answer.
#[derive(Debug)]
pub struct Page {
    /// Status code.
    pub status: u16,
    /// Value of Content-Type.
    pub content_type: String,
    /// What it shows.
    pub body: String,
}

/// Fetches a page.
///
/// # Panics
/// If nobody answers, or not in HTTP.
pub fn get(address: SocketAddr, path: &str) -> Page {
    get_with(address, path, "")
}

/// The same with further headers, each with its line end.
///
/// # Panics
/// If nobody answers, or not in HTTP.
pub fn get_with(address: SocketAddr, path: &str, headers: &str) -> Page {
    let mut stream = TcpStream::connect(address).expect("the HTTP door is open");
    stream.set_read_timeout(Some(PATIENCE)).expect("a TCP socket");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n")
        .expect("it takes a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status code");
    let content_type = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.to_owned())
        .unwrap_or_default();
    Page { status, content_type, body: body.to_owned() }
}

/// The value of a sample of /metrics, by its full name with labels; 0 if it is not there.
///
/// # Panics
/// If its value is no number.
pub fn sample(page: &Page, name: &str) -> f64 {
    let value = page.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().expect("a number"))
}
