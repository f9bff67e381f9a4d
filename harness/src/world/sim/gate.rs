//! The gate that every task of a node runs behind: it pauses nodes, explores the order of ready tasks, and
//! catches panics.
//!
//! A paused process' tasks are parked when they are woken, while the network below goes on accepting and
//! timers expire: exactly SIGSTOP. A running process' task goes to the back of the queue once, with a seeded
//! probability, before it runs: tokio's queue is first in, first out, and no seed would ever see another
//! order.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, Once};
use std::task::{Context, Poll, Waker};

use highwater_broker::env::{Rng, Task};
use rand::Rng as _;

use super::lock;
use super::process::Process;
use crate::world::FaultId;

/// What the gate of one process needs to know.
pub(super) struct Gate {
    /// The pauses in effect.
    pauses: Vec<FaultId>,
    /// The tasks woken since the process was paused.
    parked: Vec<Waker>,
    /// A process that has ended runs nothing more.
    closed: bool,
    turns: Rng,
    /// A task is sent back when the number drawn is below this.
    send_back_below: u64,
}

/// What a task may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Go,
    /// To the back of the queue, once.
    Later,
    Park,
}

impl Gate {
    /// `interleaving` is the probability, from 0 to 1, that a task lets others go first.
    pub(super) fn new(turns: Rng, interleaving: f64) -> Self {
        assert!((0.0..=1.0).contains(&interleaving), "a probability is between 0 and 1");
        let send_back_below = (interleaving * 2f64.powi(32)) as u64;
        Self { pauses: Vec::new(), parked: Vec::new(), closed: false, turns, send_back_below }
    }

    pub(super) fn pause(&mut self, fault: FaultId) {
        self.pauses.push(fault);
    }

    /// Ends a pause; gives the tasks to wake if it was the last one.
    pub(super) fn resume(&mut self, fault: FaultId) -> Vec<Waker> {
        self.pauses.retain(|id| *id != fault);
        if self.pauses.is_empty() { std::mem::take(&mut self.parked) } else { Vec::new() }
    }

    /// Nothing runs from now on.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn is_paused(&self) -> bool {
        !self.pauses.is_empty()
    }

    fn send_back(&mut self) -> bool {
        self.send_back_below > 0 && u64::from(self.turns.next_u32()) < self.send_back_below
    }
}

/// Runs `task` behind the gate of its process, which must be the one whose runtime this is.
#[expect(clippy::disallowed_methods, reason = "this is the gate that all others are to go through")]
pub(super) fn spawn(process: Arc<Process>, task: impl Future<Output = ()> + Send + 'static) -> Task {
    let gated = Gated { task: Caught::new(process, task), state: State::Waiting };
    Task::new(tokio::spawn(gated).abort_handle())
}

/// Runs `task` past the gate: what a node's kernel does even while its processes are paused.
#[expect(clippy::disallowed_methods, reason = "the kernel's own work is not the process'")]
pub(super) fn spawn_below(process: Arc<Process>, task: impl Future<Output = ()> + Send + 'static) -> Task {
    Task::new(tokio::spawn(Caught::new(process, task)).abort_handle())
}

/// Lets other tasks go first, with the probability of the gate: for operations that would otherwise be done
/// at once.
pub(super) async fn turn(process: &Process) {
    let mut sent_back = false;
    poll_fn(|cx| {
        if !sent_back && process.gate().send_back() {
            sent_back = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

/// The tasks of one life of a process, by the order in which they were spawned.
///
/// When a process dies its tasks are dropped in this order, whatever tokio's is: that goes by task ids, which
/// count up over all runtimes of the operating system's process, so that two runs would close their
/// connections in two orders.
#[derive(Default)]
pub(super) struct Tasks {
    next: u64,
    live: BTreeMap<u64, Arc<Mutex<Option<Boxed>>>>,
}

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task whose panic ends the run, and not only the task.
struct Caught {
    process: Arc<Process>,
    number: u64,
    /// Empty while it is polled, and once it has ended.
    task: Arc<Mutex<Option<Boxed>>>,
}

impl Caught {
    fn new(process: Arc<Process>, task: impl Future<Output = ()> + Send + 'static) -> Self {
        let task: Arc<Mutex<Option<Boxed>>> = Arc::new(Mutex::new(Some(Box::pin(task))));
        let mut tasks = process.tasks();
        let number = tasks.next;
        tasks.next += 1;
        tasks.live.insert(number, Arc::clone(&task));
        drop(tasks);
        Self { process, number, task }
    }
}

impl Future for Caught {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(mut task) = lock(&self.task).take() else { return Poll::Ready(()) };
        let polled = catch_panic(|| task.as_mut().poll(cx)).unwrap_or_else(|message| {
            self.process.panicked(message);
            Poll::Ready(())
        });
        if polled.is_pending() {
            *lock(&self.task) = Some(task);
        }
        polled
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        let is_dead = self.process.gate().closed;
        let mut tasks = self.process.tasks();
        let ended: Vec<_> = if is_dead {
            std::mem::take(&mut tasks.live).into_values().collect()
        } else {
            tasks.live.remove(&self.number).into_iter().collect()
        };
        drop(tasks);
        for task in ended {
            let task = lock(&task).take();
            drop(task);
        }
    }
}

struct Gated {
    task: Caught,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    SentBack,
    Parked,
}

impl Gated {
    fn pass(&mut self, waker: &Waker) -> Pass {
        let mut gate = self.task.process.gate();
        if gate.closed {
            return Pass::Park;
        }
        if gate.is_paused() {
            // A task may be woken many times while it is parked: once is enough for it to be woken later.
            if self.state != State::Parked {
                self.state = State::Parked;
                gate.parked.push(waker.clone());
                let pauses = gate.pauses.clone();
                drop(gate);
                self.task.process.count_parked(&pauses);
            }
            return Pass::Park;
        }
        if self.state != State::SentBack && gate.send_back() {
            self.state = State::SentBack;
            return Pass::Later;
        }
        self.state = State::Waiting;
        Pass::Go
    }
}

impl Future for Gated {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.pass(cx.waker()) {
            Pass::Park => Poll::Pending,
            Pass::Later => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Pass::Go => Pin::new(&mut self.task).poll(cx),
        }
    }
}

thread_local! {
    /// Whether this thread is inside a simulated task.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Where the panic was that is being caught.
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `f`; a panic becomes its message and its place in the source, without being printed.
fn catch_panic<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let next = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if INSIDE.get() {
                PANICKED_AT.set(info.location().map(ToString::to_string));
            } else {
                next(info);
            }
        }));
    });
    INSIDE.set(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    INSIDE.set(false);
    result.map_err(|payload| match PANICKED_AT.take() {
        Some(place) => format!("{} at {place}", text(&*payload)),
        None => text(&*payload).to_owned(),
    })
}

fn text(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "a panic without a message",
    }
}
