//! The HTTP door: /metrics and /health, on a small runtime of its own so that a slow scrape never touches a shard.

use super::metrics::{OwnerMetrics, page};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the pages show.
#[derive(Clone)]
pub struct Shown {
    /// One per owner thread.
    pub owners: Arc<Vec<Arc<OwnerMetrics>>>,
    /// Set when a shutdown has begun.
    pub stopping: Arc<AtomicBool>,
}

/// Serves on `listener` from a thread of its own until the process ends. Answers the address.
///
/// # Errors
/// If the thread or its runtime can't be started.
pub fn start(listener: TcpListener, shown: Shown) -> io::Result<SocketAddr> {
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("http".into()).spawn(move || {
        runtime.block_on(async move {
            let listener = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => listener,
                Err(error) => return tracing::error!(%error, "the HTTP door could not be opened"),
            };
            if let Err(error) = axum::serve(listener, router(shown)).await {
                tracing::error!(%error, "the HTTP door closed");
            }
        });
    })?;
    Ok(address)
}

fn router(shown: Shown) -> Router {
    Router::new().route("/metrics", get(metrics)).route("/health", get(health)).with_state(shown)
}

async fn metrics(State(shown): State<Shown>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], page(&shown.owners))
}

async fn health(State(shown): State<Shown>) -> impl IntoResponse {
    let load = |of: fn(&OwnerMetrics) -> &std::sync::atomic::AtomicU64| -> Vec<u64> {
        shown.owners.iter().map(|owner| of(owner).load(Ordering::Relaxed)).collect()
    };
    let stopping = shown.stopping.load(Ordering::Relaxed);
    let space_low = load(|owner| &owner.space_low).contains(&1);
    let clock_alarm = load(|owner| &owner.clock_alarm).contains(&1);
    let status = if stopping {
        "stopping"
    } else if space_low || clock_alarm {
        "degraded"
    } else {
        "ok"
    };
    let body = serde_json::json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "shards": shown.owners.len(),
        "log_space_low": space_low,
        "clock_alarm": clock_alarm,
        "durable_sequence": load(|owner| &owner.durable_sequence),
    });
    let code = if stopping { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, [(header::CONTENT_TYPE, "application/json")], body.to_string())
}
