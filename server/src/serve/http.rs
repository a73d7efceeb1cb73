//! The HTTP door: /metrics, /health and /stocks, on a small runtime of its own so that a slow scrape never touches a shard.
//!
//! Invariant: what belongs to a merchant (its list of stocks) is shown to whoever brings a token of that merchant that may
//! read, and to nobody else; the other pages name no merchant and no stock.

use super::house::House;
use super::metrics::{OwnerMetrics, page};
use crate::tokens::{Principal, now_s};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use scrip_engine::ids::ChannelId;
use scrip_protocol::commands::CommandKind;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Stocks that one answer lists of each shard.
const STOCKS_LISTED_MAX: usize = 64;

/// What the pages show.
type Shown = Arc<House>;

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
    let stocks = get(stocks);
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(health))
        .route("/stocks", stocks)
        .with_state(shown)
}

async fn metrics(State(shown): State<Shown>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], page(&shown.metrics))
}

async fn health(State(shown): State<Shown>) -> impl IntoResponse {
    let load = |of: fn(&OwnerMetrics) -> &std::sync::atomic::AtomicU64| -> Vec<u64> {
        shown.metrics.iter().map(|owner| of(owner).load(Ordering::Relaxed)).collect()
    };
    let stopping = shown.is_stopping();
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
        "shards": shown.shards(),
        "log_space_low": space_low,
        "clock_alarm": clock_alarm,
        "durable_sequence": load(|owner| &owner.durable_sequence),
    });
    let code = if stopping { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, [(header::CONTENT_TYPE, "application/json")], body.to_string())
}

/// Ids of the stocks of the token's merchant, the last made first; how many there are.
async fn stocks(State(shown): State<Shown>, headers: HeaderMap) -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let Some(principal) = reader(&shown, &headers) else {
        let why = serde_json::json!({
            "error": "UNAUTHORIZED",
            "hint": "send `Authorization: Bearer TOKEN` with a token that may read, for all channels",
        });
        return (StatusCode::UNAUTHORIZED, kind, why.to_string());
    };
    let (mut listed, mut total) = (Vec::new(), 0);
    for owner in &shown.metrics {
        let (stocks, of_shard) = owner.roll.of(principal.merchant, STOCKS_LISTED_MAX);
        listed.extend(stocks.iter().map(|stock| stock.0));
        total += of_shard;
    }
    (StatusCode::OK, kind, serde_json::json!({ "stocks": listed, "total": total }).to_string())
}

/// Who asks, if it may ask for stocks.
fn reader(house: &House, headers: &HeaderMap) -> Option<Arc<Principal>> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let principal = house.tokens.find(&text.trim().parse().ok()?, now_s())?;
    principal.may(CommandKind::StockShow, principal.merchant, ChannelId(0)).then_some(principal)
}
