//! Layers that are missing, or too many.

use crate::adapter::Mounting;
use crate::adapter::bench::Bench;
use crate::adapter::case::Case;
use crate::suite::{Outcome, ensure};

pub(in crate::adapter) const CHECKS: &[Case] = &[
    Case::new(
        "layer/missing",
        "Error::NoLayer",
        "does not launch without the layer, or answers 500: there is no session out of nowhere",
        |b| Box::pin(refused(b, Mounting::Missing)),
    ),
    Case::new(
        "layer/late",
        "Error::NoLayer",
        "does not launch with a layer that is not in front of the handler, or answers 500",
        |b| Box::pin(refused(b, Mounting::Late)),
    ),
    Case::new(
        "layer/twice",
        "B-034, D-layered-twice, Error::LayeredTwice",
        "does not launch with the layer twice, or answers 500: there is no second session",
        |b| Box::pin(refused(b, Mounting::Twice)),
    ),
];

async fn refused(b: &Bench<'_>, mounting: Mounting) -> Outcome {
    let Ok(site) = b.launch(mounting).await else { return Ok(()) };
    let case = format!("Mounting::{mounting:?}, it launches");
    let flight = site.get("/").counting().begin();
    let step = flight.step.clone();
    let answer = flight.answer().await?;
    ensure(!site.app.handled(&step), &case, "an error in place of a session", "a session")?;
    answer.has_status(&case, 500)?;
    answer.no_cookie(&case)?;
    site.has_records(&case, 0)
}
