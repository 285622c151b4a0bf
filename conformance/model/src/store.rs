//! The recorder's MemoryStore (B-199 … B-205), which notes each call and fails when told to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cookie::Js;

pub(crate) struct Store {
    pub(crate) calls: Vec<Value>,
    faults: BTreeMap<String, String>,
    pub(crate) now: i64,
    records: BTreeMap<String, Value>,
}

/// The error's code.
pub(crate) type Fault = String;

impl Store {
    pub(crate) fn new(records: BTreeMap<String, Value>) -> Self {
        Self { calls: Vec::new(), faults: BTreeMap::new(), now: 0, records }
    }

    /// A request begins.
    pub(crate) fn begin(&mut self, now: i64, faults: BTreeMap<String, String>) {
        self.calls.clear();
        (self.faults, self.now) = (faults, now);
    }

    pub(crate) fn contents(&self) -> Value {
        json!(self.records)
    }

    fn call(&mut self, call: &str, id: &str, record: Option<&Value>) -> Result<(), Fault> {
        self.calls.push(match record {
            Some(record) => json!({ "call": call, "id": id, "record": record }),
            None => json!({ "call": call, "id": id }),
        });
        self.faults.get(call).map_or(Ok(()), |code| Err(code.clone()))
    }

    // B-200, B-201
    pub(crate) fn get(&mut self, id: &str) -> Result<Option<Value>, Fault> {
        self.call("get", id, None)?;
        let Some(record) = self.records.get(id) else { return Ok(None) };
        let has_expired = match Js::stored(&record["cookie"]["expires"]) {
            Js::Date(end) => end.is_some_and(|end| end <= self.now),
            _ => false,
        };
        if has_expired {
            self.records.remove(id);
        }
        Ok(self.records.get(id).cloned())
    }

    // B-203
    pub(crate) fn set(&mut self, id: &str, record: Value) -> Result<(), Fault> {
        self.call("set", id, Some(&record))?;
        self.put(id, record);
        Ok(())
    }

    // B-131, B-202
    pub(crate) fn touch(&mut self, id: &str, cookie: Value) -> Result<(), Fault> {
        self.call("touch", id, Some(&json!({ "cookie": cookie })))?;
        if let Some(record) = self.records.get_mut(id) {
            record["cookie"] = cookie;
        }
        Ok(())
    }

    // B-203
    pub(crate) fn destroy(&mut self, id: &str) -> Result<(), Fault> {
        self.call("destroy", id, None)?;
        self.remove(id);
        Ok(())
    }

    /// Somebody else writes.
    pub(crate) fn put(&mut self, id: &str, record: Value) {
        self.records.insert(id.into(), record);
    }

    /// Somebody else removes.
    pub(crate) fn remove(&mut self, id: &str) {
        self.records.remove(id);
    }
}
