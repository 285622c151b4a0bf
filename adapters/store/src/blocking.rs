//! The driver for hosts that block: the same steps as [`Sessions`](crate::Sessions), on the
//! [`Exchange`] itself.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http_session::store::{Delete, Load, Rotate, Save, Stored, Touch, Touched, Written};
use http_session::{Action, Begin, Exchange, Outcome};

use crate::{BlockingStore, Env, Error, Store, driver};

/// Carries on from [`Config::begin`](http_session::Config::begin): asks the store if need be.
/// `None`: no session on this path.
///
/// # Errors
/// As [`Sessions::open`](crate::Sessions::open).
pub fn open<S: BlockingStore>(
    begin: Begin,
    store: &S,
    env: &dyn Env,
) -> Result<Option<Exchange>, Error> {
    wait(driver::open(begin, &AtOnce(store), env))
}

/// Carries out a method of the session that asks the store in the middle of a request.
///
/// # Errors
/// As the methods of [`Session`](crate::Session).
pub fn run<S: BlockingStore>(
    exchange: &mut Exchange,
    action: Action,
    store: &S,
    env: &dyn Env,
) -> Result<(), Error> {
    let pending = exchange.start(action, env.now())?;
    wait(driver::ask(pending, &AtOnce(store)))(exchange, env.now())
}

/// Ends the request's session: decides, asks the store, and says what goes onto the response.
///
/// # Errors
/// As [`Sessions::close`](crate::Sessions::close).
pub fn close<S: BlockingStore>(
    exchange: Exchange,
    store: &S,
    env: &dyn Env,
) -> Result<Outcome, Error> {
    wait(driver::close(exchange, &AtOnce(store), env))
}

/// The result of a future that waits for nothing but a blocking store.
fn wait<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("a blocking store has answered when it returns"),
    }
}

/// A blocking store as a [`Store`] whose futures are ready at once.
struct AtOnce<'a, S>(&'a S);

impl<S: BlockingStore> Store for AtOnce<'_, S> {
    type Error = S::Error;

    async fn load(&self, op: &Load) -> Result<Option<Stored>, S::Error> {
        self.0.load(op)
    }

    async fn save(&self, op: &Save) -> Result<Written, S::Error> {
        self.0.save(op)
    }

    async fn rotate(&self, op: &Rotate) -> Result<Written, S::Error> {
        self.0.rotate(op)
    }

    async fn touch(&self, op: &Touch) -> Result<Touched, S::Error> {
        self.0.touch(op)
    }

    async fn delete(&self, op: &Delete) -> Result<(), S::Error> {
        self.0.delete(op)
    }
}
