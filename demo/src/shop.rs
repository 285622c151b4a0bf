//! The shop: what it asks of a session.

use http::StatusCode;
use http_session_store::{Error, Session};
use serde::Deserialize;

use crate::Demo;
use crate::demo::parse;
use crate::meeting::{Kind, Meeting, wait};
use crate::page::{Page, Visitor};
use crate::reply::{Reply, file, to_the_page, told};
use crate::visit::see;

#[derive(Clone, Copy, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Item {
    Tea,
    Bread,
    Honey,
}

impl Item {
    pub(crate) const ALL: [Self; 3] = [Self::Tea, Self::Bread, Self::Honey];

    /// Each item is a value of its own in the session: two requests that add different ones need
    /// not be in each other's way.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Tea => "tea",
            Self::Bread => "bread",
            Self::Honey => "honey",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tea => "Tea",
            Self::Bread => "Bread",
            Self::Honey => "Honey",
        }
    }
}

#[derive(Deserialize)]
struct Chosen {
    item: Item,
}

#[derive(Deserialize)]
struct Login {
    name: String,
}

/// Why a form is not accepted.
pub(crate) enum Refusal {
    Session(Error),
    Told(String),
}

impl<E> From<E> for Refusal
where
    Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Session(error.into())
    }
}

impl Demo {
    /// `GET /`. Every button ends here: a form's answer sends the browser back to the page.
    ///
    /// # Errors
    /// The session's own.
    pub fn look(&self, session: &Session) -> Result<Reply, Error> {
        // All data, as one struct.
        let visitor: Visitor = session.read()?;
        let id = session.id()?;
        let meeting = self.met(&id).map(|meeting| meeting.result(&visitor));
        // The messages that were left: asking for them takes them out.
        let page = Page { flashes: session.flashes()?, id, meeting, visitor };
        // It is written when the request's session has ended, because the page tells of that, too.
        see(|seen| seen.page = Some(page));
        Ok(file("text/html; charset=utf-8", ""))
    }

    /// `POST /…`: a button of the shop.
    ///
    /// # Errors
    /// The session's own.
    pub async fn act(&self, action: &str, form: &str, session: &Session) -> Result<Reply, Error> {
        let done = match action {
            "add" => add(session, form),
            "busy" => self.change_slowly(session).await,
            "busy-logout" => self.log_out_meanwhile(session).await,
            "login" => log_in(session, form).await,
            "logout" => log_out(session).await,
            "remove" => remove(session, form),
            "renew" => renew(session).await,
            "tabs" => self.one_of_two_tabs(session, form).await,
            "unset" => unset(session),
            "visit" => visit(session),
            _ => return Ok(self.missing()),
        };
        match done {
            Ok(()) => Ok(to_the_page()),
            Err(Refusal::Told(text)) => Ok(told(StatusCode::BAD_REQUEST, text)),
            Err(Refusal::Session(error)) => Err(error),
        }
    }
}

type Done = Result<(), Refusal>;

fn told_so<T>(text: &str) -> Result<T, Refusal> {
    Err(Refusal::Told(text.into()))
}

async fn log_in(session: &Session, form: &str) -> Done {
    let login: Login = parse(form).map_err(Refusal::Told)?;
    // A real service checks a password here.
    let name: String = login.name.trim().chars().take(40).collect();
    if name.is_empty() {
        return told_so("Please give a name.");
    }
    // With a new id: whoever knew the old one, or had planted it in this browser, has nothing. The
    // cart stays. If it fails, nobody is logged in.
    session.log_in("name", &name).await?;
    session.flash("success", format!("Welcome, {name}. Your session has a new id."))?;
    Ok(())
}

async fn log_out(session: &Session) -> Done {
    session.destroy().await?;
    // From here on this request has no session: reading it would be an error.
    Ok(())
}

fn visit(session: &Session) -> Done {
    count_up(session, "visits")?;
    // Nothing else to do: the end of the request saves what was changed.
    Ok(())
}

/// An update, not an insert of what was read: under `merge`, of two at once both count.
fn count_up(session: &Session, key: &str) -> Result<u64, Error> {
    session.update(key, |count: Option<u64>| count.unwrap_or_default().saturating_add(1))
}

fn add(session: &Session, form: &str) -> Done {
    let Chosen { item } = parse(form).map_err(Refusal::Told)?;
    count_up(session, item.key())?;
    session.flash("success", format!("{} is in your cart.", item.name()))?;
    Ok(())
}

fn remove(session: &Session, form: &str) -> Done {
    let Chosen { item } = parse(form).map_err(Refusal::Told)?;
    if session.remove(item.key())?.is_some() {
        session.flash("info", format!("{} is out of your cart.", item.name()))?;
    }
    Ok(())
}

async fn renew(session: &Session) -> Done {
    session.renew().await?;
    session.flash("info", "Your session has a new id. The old one is worth nothing.")?;
    Ok(())
}

fn unset(session: &Session) -> Done {
    session.unset()?;
    Ok(())
}

impl Demo {
    /// Each of the two adds an item of its own, and both count up the same counter.
    async fn one_of_two_tabs(&self, session: &Session, form: &str) -> Done {
        let Chosen { item } = parse(form).map_err(Refusal::Told)?;
        if session.is_new()? {
            return told_so(
                "You have no session yet that two tabs could share. Log in or take something first.",
            );
        }
        Meeting::of(self, session, Kind::Tabs).await?;
        count_up(session, item.key())?;
        count_up(session, "clicks")?;
        Ok(())
    }

    /// A request that is still busy when another one logs the visitor out.
    async fn change_slowly(&self, session: &Session) -> Done {
        must_be_logged_in(session)?;
        let log_out = Meeting::of(self, session, Kind::Busy).await?;
        wait(&log_out).await?;
        count_up(session, Item::Honey.key())?;
        Ok(())
    }

    async fn log_out_meanwhile(&self, session: &Session) -> Done {
        must_be_logged_in(session)?;
        let busy = Meeting::of(self, session, Kind::Busy).await?;
        session.destroy().await?;
        wait(&busy).await?;
        Ok(())
    }
}

fn must_be_logged_in(session: &Session) -> Done {
    match session.get::<String>("name")? {
        Some(_) => Ok(()),
        None => told_so("Please log in first: nobody could be logged out."),
    }
}
