//! Stores that are broken in one way: each is what one invariant is there for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use http_session::store::{Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Written};
use http_session::{Record, SessionId};
use http_session_store::{Full, MemoryStore, Store};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Defect {
    /// A load of an id that it does not know makes a record of it.
    AdoptsIds,
    /// A touch lets a record live an hour longer than it should.
    ExtendsDeadlines,
    /// Each write answers as if it expected nothing.
    ForgetsPreconditions,
    /// A write that expects a version is content with any.
    ForgetsVersions,
    /// A load answers what was there before the last write: a replica that lags behind.
    LagsBehind,
    /// A rotation ends the old record, and does not keep the new one.
    LosesRotations,
    /// A write that is refused because of its version is told that there is a record, and not which.
    NamesNoRecord,
    /// A rotation leaves the old record.
    RotatesWithoutDelete,
    /// A delete is answered, and not done.
    SwallowsDeletes,
    /// A write that is refused is made all the same.
    WritesWhatItRefuses,
}

/// A memory store with a defect.
pub(crate) struct Broken {
    before: Arc<Mutex<HashMap<SessionId, Stored>>>,
    defect: Defect,
    store: MemoryStore,
}

impl Broken {
    pub(crate) fn new(defect: Defect) -> Self {
        Self { before: Arc::default(), defect, store: MemoryStore::new() }
    }

    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    /// The precondition that it looks at.
    fn expect(&self, expect: &Expect) -> Expect {
        match expect {
            _ if self.is(Defect::ForgetsPreconditions) => Expect::Anything,
            Expect::Version(_) if self.is(Defect::ForgetsVersions) => Expect::Present,
            expect => expect.clone(),
        }
    }

    fn refusal(&self, written: Written) -> Written {
        match written {
            Written::Changed(_) if self.is(Defect::NamesNoRecord) => Written::Exists,
            written => written,
        }
    }
}

impl Store for Broken {
    type Error = Full;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, Full> {
        let found = self.store.load(load).await?;
        // Those who look at what there is, see what there is.
        if load.tell_end {
            return Ok(found);
        }
        if self.is(Defect::LagsBehind) && found.is_some() {
            let before = self.before.lock().expect("no panic").get(&load.id).cloned();
            return Ok(before.or(found));
        }
        if self.is(Defect::AdoptsIds) && found.is_none() && load.refresh.is_some() {
            let cookie = r#"{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}"#;
            let record = Record::from_json(&format!(r#"{{"cookie":{cookie}}}"#)).expect("JSON");
            let save = Save::new(load.id.clone(), record, Expect::Absent, load.now);
            let _ = self.store.save(&save).await?;
            return self.store.load(load).await;
        }
        Ok(found)
    }

    async fn save(&self, save: &Save) -> Result<Written, Full> {
        let load = Load::new(save.id.clone(), save.now, None);
        if let Some(stored) = self.store.load(&load).await? {
            self.before.lock().expect("no panic").insert(save.id.clone(), stored);
        }
        let mut save = save.clone();
        save.expect = self.expect(&save.expect);
        let written = self.store.save(&save).await?;
        if self.is(Defect::WritesWhatItRefuses) && matches!(written, Written::Changed(_)) {
            save.expect = Expect::Anything;
            let _ = self.store.save(&save).await?;
        }
        Ok(self.refusal(written))
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, Full> {
        let load = Load::new(rotate.from.clone(), rotate.now, None);
        let old = self.store.load(&load).await?;
        let mut rotate = rotate.clone();
        rotate.expect = self.expect(&rotate.expect);
        let written = self.store.rotate(&rotate).await?;
        if let (true, Some(_), Written::Saved(_)) =
            (self.is(Defect::RotatesWithoutDelete), old, &written)
        {
            let (id, record) = (rotate.from.clone(), rotate.record.clone());
            let _ = self.store.save(&Save::new(id, record, Expect::Anything, rotate.now)).await?;
        }
        if self.is(Defect::LosesRotations) && matches!(written, Written::Saved(_)) {
            self.store.delete(&Delete::new(rotate.to, rotate.now)).await?;
        }
        Ok(self.refusal(written))
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, Full> {
        let mut touch = touch.clone();
        if self.is(Defect::ExtendsDeadlines) {
            touch.expires = touch.expires.and_then(|end| end.plus_millis(3_600_000));
        }
        self.store.touch(&touch).await
    }

    async fn delete(&self, delete: &Delete) -> Result<(), Full> {
        if self.is(Defect::SwallowsDeletes) { Ok(()) } else { self.store.delete(delete).await }
    }
}
