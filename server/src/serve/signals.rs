//! Why a server stops: SIGTERM, SIGINT, the end of its stdin, or an owner thread that has ended.
//!
//! The main thread waits here while the owner threads serve. Invariant: signals are caught before anybody is told that the
//! server is ready.

use super::{ServeError, system};
use std::io;
use std::sync::Arc;
use tokio::sync::Notify;

/// Calls `ready` when signals are caught, and waits until the server is to stop.
///
/// # Errors
/// If the system does not let us watch.
pub fn until_stopped(stop_on_eof: bool, ended: &Notify, ready: impl FnOnce()) -> Result<(), ServeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("starting the main thread's runtime"))?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(system("watching SIGTERM"))?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(system("watching SIGINT"))?;
        let end_of_file = Arc::new(Notify::new());
        if stop_on_eof {
            watch_stdin(end_of_file.clone())?;
        }
        ready();
        let why = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            () = end_of_file.notified() => "stdin was closed",
            () = ended.notified() => "an owner thread has ended",
        };
        tracing::info!(why, "stopping: answering what was taken in");
        Ok(())
    })
}

/// Rings `end_of_file` when stdin is closed.
fn watch_stdin(end_of_file: Arc<Notify>) -> Result<(), ServeError> {
    let watch = move || {
        // Whatever is written there is not for us; an error is an end, too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        end_of_file.notify_one();
    };
    let thread = std::thread::Builder::new().name("stdin".into()).spawn(watch);
    thread.map(drop).map_err(system("watching stdin"))
}
