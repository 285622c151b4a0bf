//! Two requests at once.

use std::sync::Arc;
use std::time::Duration;

use http_session_store::Session;
use tokio::sync::Barrier;

use crate::page::{self, Visitor};
use crate::shop::{Item, Refusal};
use crate::{Demo, lock};

/// Two requests of one session, each of which waits for the other.
pub(crate) struct Meeting {
    barrier: Arc<Barrier>,
    before: Visitor,
    /// The second one is here.
    complete: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Kind {
    Busy,
    Tabs,
}

impl Meeting {
    /// Waits until both requests have loaded the session.
    pub(crate) async fn of(
        demo: &Demo,
        session: &Session,
        kind: Kind,
    ) -> Result<Arc<Barrier>, Refusal> {
        let (id, before) = (session.id()?, session.read()?);
        let barrier = {
            let mut meetings = lock(&demo.meetings);
            match meetings.get_mut(&id) {
                Some(first) if first.kind == kind && !first.complete => {
                    first.complete = true;
                    Arc::clone(&first.barrier)
                }
                _ => {
                    let barrier = Arc::new(Barrier::new(2));
                    let first =
                        Self { barrier: Arc::clone(&barrier), before, complete: false, kind };
                    meetings.insert(id.clone(), first);
                    barrier
                }
            }
        };
        let met = wait(&barrier).await;
        if met.is_err() {
            lock(&demo.meetings).remove(&id);
        }
        met.map(|()| barrier)
    }

    pub(crate) const fn is_complete(&self) -> bool {
        self.complete
    }

    /// What survived.
    pub(crate) fn result(&self, after: &Visitor) -> page::Met {
        let arrived = |item: &Item| after.count(*item) > self.before.count(*item);
        match self.kind {
            Kind::Busy => page::Met::Revived,
            Kind::Tabs => page::Met::Tabs {
                clicks: after.clicks.saturating_sub(self.before.clicks),
                items: Item::ALL.into_iter().filter(arrived).collect(),
            },
        }
    }
}

pub(crate) async fn wait(barrier: &Barrier) -> Result<(), Refusal> {
    let met = tokio::time::timeout(Duration::from_secs(5), barrier.wait()).await;
    met.map(drop).map_err(|_| Refusal::Told("The second of the two requests did not come.".into()))
}
