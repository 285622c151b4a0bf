//! What the contracts have in common: checks, the report of them, and how one is carried out.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

mod check;
mod flaw;
mod report;

pub use self::check::Check;
pub(crate) use self::check::Outcome;
pub use self::flaw::Flaw;
pub(crate) use self::flaw::{chain, ensure};
pub use self::report::Report;
pub(crate) use self::report::Verdict;

/// The outcome of a check that may take as long as `limit`: what takes longer hangs. A panic is a flaw.
pub(crate) async fn carry_out(limit: Duration, check: impl Future<Output = Outcome>) -> Outcome {
    timeout(limit, unpanicked(Box::pin(check)))
        .await
        .unwrap_or_else(|_| Err(Flaw::new("the check", "an end", format!("none in {limit:?}"))))
}

async fn unpanicked(mut outcome: Pin<Box<dyn Future<Output = Outcome> + '_>>) -> Outcome {
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| outcome.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
            Poll::Ready(Err(Flaw::new("the check", "no panic", format!("a panic: {text}"))))
        })
    })
    .await
}
