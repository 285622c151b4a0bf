//! Requests over a socket, byte by byte.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::common::soon;

/// A request that has been sent: its first line as `GET /`, and its header lines, each with its end.
pub(crate) async fn begin(address: SocketAddr, line: &str, headers: impl AsRef<[u8]>) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let head = format!("{line} HTTP/1.1\r\nHost: localhost\r\n");
    let request = [head.as_bytes(), headers.as_ref(), b"\r\n"].concat();
    stream.write_all(&request).await.expect("it is open");
    stream
}

/// All that comes back: head and body.
pub(crate) async fn send(
    address: SocketAddr,
    line: &str,
    headers: impl AsRef<[u8]>,
) -> (String, String) {
    let headers = [b"Connection: close\r\n", headers.as_ref()].concat();
    answer(begin(address, line, headers).await).await
}

/// All that comes until the connection ends: head and body.
pub(crate) async fn answer(mut stream: TcpStream) -> (String, String) {
    let mut text = String::new();
    soon(stream.read_to_string(&mut text)).await.expect("a text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    (head.into(), body.into())
}

/// The head of an answer on a connection that stays open.
pub(crate) async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.expect("an answer"));
    }
    String::from_utf8(head).expect("ASCII")
}

/// The header lines of a WebSocket's handshake, with the key of RFC 6455 section 1.3.
pub(crate) const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A WebSocket's frame with a short text, masked with zeros (RFC 6455 section 5.3).
pub(crate) fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("it is short");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}
