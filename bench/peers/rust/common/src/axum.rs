//! What the two axum peers share.

use std::{io, net::Ipv4Addr};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use serde::Serialize;
use tokio::{
    net::{TcpListener, TcpSocket},
    signal::unix::{SignalKind, signal},
};

use crate::{HEALTH, JSON, PROBLEM_JSON, Problem};

fn answer(status: StatusCode, media_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// An answer in JSON, of about `size` bytes.
pub fn json(status: StatusCode, value: &impl Serialize, size: usize) -> Result<Response, Problem> {
    let mut body = Vec::with_capacity(size);
    serde_json::to_writer(&mut body, value).map_err(|_| Problem::INTERNAL)?;
    Ok(answer(status, JSON, body))
}

pub async fn health() -> Response {
    answer(StatusCode::OK, JSON, HEALTH)
}

pub async fn not_found() -> Problem {
    Problem::NOT_FOUND
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).expect("a problem has a valid status");
        let body = serde_json::to_vec(&self).expect("a problem is always JSON");
        answer(status, PROBLEM_JSON, body)
    }
}

/// With `reuse_port` several sockets listen on one port, and the kernel shares the connections out.
pub fn listen(port: u16, reuse_port: bool) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(reuse_port)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(4096)
}

/// Serves until SIGTERM, and then what was under way.
pub async fn serve(listener: TcpListener, router: Router) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    // Failing, it would be a slower connection, and the next read notices a dead one.
    let listener = listener.tap_io(|connection| _ = connection.set_nodelay(true));
    axum::serve(listener, router).with_graceful_shutdown(async move { _ = terminate.recv().await }).await
}
