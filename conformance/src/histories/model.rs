//! What a store and the requests on it are to do, told anew in a few lines: sessions are data with a count of
//! their writes, and each operation does all that it does in one moment.

use http_session::Conflict;

use super::{Call, Data, History, Id, Reply, Step};

/// Sessions that live, and what each request knows of its own.
pub(super) struct Model {
    conflict: Conflict,
    /// The requests that don't know whether their last save was carried out.
    doubtful: Vec<bool>,
    /// What each request knew when it asked for what did not reach the store at once.
    late: Vec<Option<(Id, Session)>>,
    sessions: Vec<Option<Session>>,
    /// What each request has last heard of its session; `None`: it is not in the store.
    views: Vec<Option<(Id, Session)>>,
}

#[derive(Clone, Default)]
struct Session {
    data: Data,
    writes: usize,
}

impl Model {
    /// The session that the requests present, and nobody has looked at it.
    pub(super) fn new(history: &History) -> Self {
        let mut sessions = vec![None; history.makers.len()];
        let data = Data::from([("visited".into(), 1)]);
        sessions[0] = Some(Session { data, writes: 0 });
        let requests = history.answers.len();
        let (doubtful, views) = (vec![false; requests], vec![None; requests]);
        Self { conflict: history.conflict, doubtful, late: views.clone(), sessions, views }
    }

    /// What a session holds; `None`: it does not live.
    pub(super) fn data(&self, id: Id) -> Option<&Data> {
        self.sessions[id].as_ref().map(|session| &session.data)
    }

    /// Carries out what the step asks, and tells what the store has to answer; `None`: it was not asked.
    pub(super) fn carry_out(&mut self, step: &Step) -> Option<Reply> {
        if step.reply.is_none() {
            self.late[step.request] = self.views[step.request].clone();
        }
        let reply = step.reply.is_some().then(|| self.operate(step));
        match step.call {
            _ if step.late => {}
            Call::Load(_) => self.doubtful[step.request] = false,
            Call::Save(_) => self.doubtful[step.request] |= !step.heard,
            Call::Delete(_) | Call::Rotate { .. } | Call::Touch(_) => {}
        }
        reply
    }

    fn operate(&mut self, step: &Step) -> Reply {
        let there = |id: Id| self.sessions[id].clone();
        let (reply, view) = match step.call {
            Call::Delete(id) => {
                self.sessions[id] = None;
                (Reply::Deleted, None)
            }
            Call::Load(id) => match there(id) {
                Some(session) => (Reply::Found(session.data.clone()), Some((id, session))),
                None => (Reply::Nothing, None),
            },
            Call::Touch(id) => {
                let reply = if there(id).is_some() { Reply::Alive } else { Reply::Gone };
                return reply;
            }
            Call::Rotate { from, to } => self.write(step, from, to),
            Call::Save(id) => self.write(step, id, id),
        };
        if step.heard {
            self.views[step.request] = view;
        }
        reply
    }

    /// A write succeeds if the request knows what is there, and ends what it found under the old id. What it
    /// writes is what is there, with the request's own changes; under `Overwrite` it is what the request
    /// knew, with its changes. Who is refused under `Merge` goes on from what is there, unless that may be its
    /// own doing already.
    fn write(&mut self, step: &Step, from: Id, to: Id) -> (Reply, Option<(Id, Session)>) {
        let views = if step.late { &self.late } else { &self.views };
        let known = views[step.request].clone().filter(|(id, _)| *id == from);
        let mut session = match (&known, &self.sessions[from]) {
            (None, Some(_)) => return (Reply::Exists, None),
            (None, None) => Session::default(),
            (Some(_), None) => return (Reply::Gone, known),
            (Some((_, known)), Some(_)) if self.conflict == Conflict::Overwrite => known.clone(),
            (Some((_, known)), Some(there)) if known.writes == there.writes => there.clone(),
            (Some(_), Some(there)) => {
                let merges = self.conflict == Conflict::Merge && !self.doubtful[step.request];
                let view = if merges { Some((from, there.clone())) } else { known };
                return (Reply::Changed(there.data.clone()), view);
            }
        };
        for change in &step.adds {
            change.apply(&mut session.data);
        }
        session.writes += 1;
        self.sessions[from] = None;
        self.sessions[to] = Some(session.clone());
        (Reply::Saved, Some((to, session)))
    }
}
