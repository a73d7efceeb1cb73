//! One connection: opened here, read by one task of its own, written by its lane.
//!
//! Invariant: a read is never dropped half-way unless the connection is given up with it; and a job that was taken gets
//! exactly one reply, an answer or the news that it was lost.

use crate::answer::OwnedOutcome;
use crate::error::Cause;
use crate::options::ClientOptions;
use crate::session::{Incoming, Session, SessionError};
use crate::transport::{Connector, ReadHalf, WriteHalf};
use scrip_protocol::handshake::Welcome;
use scrip_protocol::notice::Goaway;
use scrip_protocol::write::EncodedCommand;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

/// Bytes asked for with each read.
const READ_BYTES: usize = 64 * 1024;
/// How long the other side may take to close once everything is said.
const GOODBYE: Duration = Duration::from_secs(1);

/// A command on its way, shared by the caller who may give up and the lane that may send it.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) command: EncodedCommand,
    sent: AtomicBool,
}

impl Pending {
    pub(crate) fn new(command: EncodedCommand) -> Arc<Pending> {
        Arc::new(Pending { command, sent: AtomicBool::new(false) })
    }

    /// Whether any attempt may have reached the server. After the receiver of its reply was dropped, `false` is final.
    pub(crate) fn sent(&self) -> bool {
        fence(Ordering::SeqCst);
        self.sent.load(Ordering::SeqCst)
    }

    /// The server says of the only attempt so far that it was not executed.
    pub(crate) fn not_executed(&self) {
        self.sent.store(false, Ordering::SeqCst);
    }
}

/// One attempt.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) pending: Arc<Pending>,
    pub(crate) reply: oneshot::Sender<Reply>,
}

/// What became of one attempt.
#[derive(Debug)]
pub(crate) enum Reply {
    Answered(OwnedOutcome),
    Lost(Cause),
}

impl Job {
    /// Replies that the attempt is lost.
    pub(crate) fn fail(self, cause: &Cause) {
        // A caller who gave up does not listen.
        let _ = self.reply.send(Reply::Lost(cause.clone()));
    }
}

/// What the reader and the writer of a connection share.
#[derive(Debug)]
struct Link {
    session: Mutex<Session<oneshot::Sender<Reply>>>,
    /// Something was received: there may be room, output, or a GOAWAY.
    wake: Notify,
    goaway: OnceLock<Goaway>,
}

impl Link {
    fn session(&self) -> MutexGuard<'_, Session<oneshot::Sender<Reply>>> {
        self.session.lock().expect("nothing panics while it is held")
    }

    /// Takes what has arrived, as far as it is whole.
    fn receive(&self, input: &mut Vec<u8>) -> Result<(), SessionError> {
        let taken = self.session().receive(input, |incoming| match incoming {
            Incoming::Answer { tag, outcome, .. } => {
                // A caller who gave up does not listen.
                let _ = tag.send(Reply::Answered(outcome.into()));
            }
            Incoming::Goaway(goaway) => {
                self.goaway.get_or_init(|| goaway);
            }
            Incoming::Welcome(_) | Incoming::Pong(..) => {}
        })?;
        input.drain(..taken);
        Ok(())
    }

    /// Takes a job into the session, unless its caller has given up.
    fn push(&self, job: Job) {
        job.pending.sent.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if job.reply.is_closed() {
            return;
        }
        let refused = self.session().push_encoded(&job.pending.command, job.reply);
        if let Err((_, reply)) = refused {
            let _ = reply.send(Reply::Lost(Cause::Ended));
        }
    }
}

/// How a lane's use of a connection ended.
#[derive(Debug)]
pub(crate) enum Ending {
    Lost(Cause),
    Goaway(Goaway),
    Closing,
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    link: Arc<Link>,
    write: Writer,
    reader: Option<JoinHandle<Cause>>,
    ping_interval: Duration,
    ping_at: Instant,
}

/// The writing half with the bytes it is writing.
struct Writer {
    half: WriteHalf,
    buffer: Vec<u8>,
}

impl core::fmt::Debug for Writer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Writer").field("buffered", &self.buffer.len()).finish_non_exhaustive()
    }
}

/// Opens a connection and waits for WELCOME.
pub(crate) async fn open(
    connector: &dyn Connector,
    options: &ClientOptions,
) -> Result<(Connection, Welcome), Cause> {
    match timeout(options.connect_timeout, handshake(connector, options)).await {
        Ok(opened) => opened,
        Err(_) => {
            Err(broken(io::Error::new(io::ErrorKind::TimedOut, "connecting and WELCOME took too long")))
        }
    }
}

async fn handshake(
    connector: &dyn Connector,
    options: &ClientOptions,
) -> Result<(Connection, Welcome), Cause> {
    let (mut read, half) = connector.connect().await.map_err(broken)?;
    let session = Session::new(&options.token, options.outstanding_max.max(1));
    let link = Arc::new(Link { session: Mutex::new(session), wake: Notify::new(), goaway: OnceLock::new() });
    let mut writer = Writer { half, buffer: Vec::new() };
    link.session().take_output(&mut writer.buffer);
    writer.write().await?;
    let mut input = Vec::new();
    let welcome = loop {
        fill(&mut read, &mut input).await?;
        link.receive(&mut input)?;
        let welcome = link.session().welcome().cloned();
        if let Some(welcome) = welcome {
            break welcome;
        }
    };
    let ping_interval = options.ping_interval;
    let reader = tokio::spawn(read_all(link.clone(), read, input, ping_interval * 3));
    let ping_at = Instant::now() + ping_interval;
    Ok((Connection { link, write: writer, reader: Some(reader), ping_interval, ping_at }, welcome))
}

fn broken(error: io::Error) -> Cause {
    Cause::Io(Arc::new(error))
}

async fn fill(read: &mut ReadHalf, input: &mut Vec<u8>) -> Result<(), Cause> {
    input.reserve(READ_BYTES);
    match read.read_buf(input).await {
        Ok(0) => Err(Cause::Ended),
        Ok(_) => Ok(()),
        Err(error) => Err(broken(error)),
    }
}

/// The reader task: ends with the connection and says why.
async fn read_all(link: Arc<Link>, mut read: ReadHalf, mut input: Vec<u8>, silence_max: Duration) -> Cause {
    loop {
        match timeout(silence_max, fill(&mut read, &mut input)).await {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => return cause,
            Err(_) => return Cause::Silent,
        }
        if let Err(error) = link.receive(&mut input) {
            return error.into();
        }
        link.wake.notify_one();
    }
}

impl Writer {
    async fn write(&mut self) -> Result<(), Cause> {
        self.half.write_all(&self.buffer).await.map_err(broken)?;
        self.half.flush().await.map_err(broken)
    }
}

/// Waits until the reader has ended. Can be dropped and called again.
async fn ended(reader: &mut Option<JoinHandle<Cause>>) -> Cause {
    let Some(handle) = reader else { return core::future::pending().await };
    let cause = handle.await.unwrap_or(Cause::Ended);
    *reader = None;
    cause
}

/// Waits until the client is closed or dropped.
pub(crate) async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

impl Connection {
    /// Sends jobs until the connection ends, the server sends us away, or the client is closed.
    pub(crate) async fn serve(
        &mut self,
        jobs: &mut mpsc::Receiver<Job>,
        closing: &mut watch::Receiver<bool>,
        batch_window: Duration,
    ) -> Ending {
        loop {
            if let Some(goaway) = self.link.goaway.get() {
                return Ending::Goaway(*goaway);
            }
            let has_room = self.link.session().room() > 0;
            tokio::select! {
                biased;
                cause = ended(&mut self.reader) => return Ending::Lost(cause),
                () = closed(closing) => return Ending::Closing,
                job = jobs.recv(), if has_room => match job {
                    Some(job) => self.gather(job, jobs, batch_window).await,
                    None => return Ending::Closing,
                },
                () = self.link.wake.notified() => {}
                () = sleep_until(self.ping_at) => self.link.session().ping(0),
            }
            if let Err(cause) = self.flush().await {
                return Ending::Lost(cause);
            }
        }
    }

    /// Takes a job, and those that others have ready.
    async fn gather(&mut self, job: Job, jobs: &mut mpsc::Receiver<Job>, batch_window: Duration) {
        self.link.push(job);
        if batch_window.is_zero() {
            // Those who are ready to run may have something to send, too: no time passes.
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(batch_window).await;
        }
        while self.link.session().room() > 0
            && let Ok(job) = jobs.try_recv()
        {
            self.link.push(job);
        }
    }

    /// Writes what there is to write.
    async fn flush(&mut self) -> Result<(), Cause> {
        while self.link.session().take_output(&mut self.write.buffer) {
            self.ping_at = Instant::now() + self.ping_interval;
            let written = tokio::select! {
                biased;
                cause = ended(&mut self.reader) => return Err(cause),
                written = self.write.write() => written,
            };
            if let Err(cause) = written {
                // The server may have said why before it closed.
                return Err(timeout(GOODBYE, ended(&mut self.reader)).await.unwrap_or(cause));
            }
        }
        Ok(())
    }

    /// Waits for outstanding answers, `limit` at most, then closes.
    pub(crate) async fn drain(mut self, limit: Duration) {
        let until = Instant::now() + limit;
        let cause = loop {
            if let Err(cause) = self.flush().await {
                break cause;
            }
            if self.link.session().outstanding() == 0 {
                break Cause::Ended;
            }
            tokio::select! {
                biased;
                cause = ended(&mut self.reader) => break cause,
                () = self.link.wake.notified() => {}
                () = sleep_until(until) => break Cause::Ended,
            }
        };
        self.end(cause).await;
    }

    /// Closes, and tells the callers of unanswered commands that their attempts are lost.
    pub(crate) async fn end(mut self, cause: Cause) {
        let unanswered = self.link.session().take_unanswered();
        for reply in unanswered {
            // A caller who gave up does not listen.
            let _ = reply.send(Reply::Lost(cause.clone()));
        }
        let _ = timeout(GOODBYE, self.write.half.shutdown()).await;
        if self.reader.is_some() && timeout(GOODBYE, ended(&mut self.reader)).await.is_err() {
            // It does not close: stop reading. Nothing is lost that anybody waits for.
            self.reader.take().inspect(JoinHandle::abort);
        }
    }
}
