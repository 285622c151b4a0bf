//! Through the adapters: whatever the options, each does what the core does.

use http_session_conformance::invariants::Tally;
use http_session_conformance::scenario::Preset;
use http_session_conformance::space::{self, SCRIPTS};
use http_session_conformance::via::{Via, Wiring};

/// Drives the covering array with a few scripts a row, or with as many as `SCRIPTS` says.
fn drive(via: Via) {
    let asked = std::env::var("SCRIPTS").map(|scripts| scripts.parse().expect("a number"));
    let (mut tally, mut runs) = (Tally::default(), 0);
    // Two thirds of what `recommended` is asked for are refused.
    for (preset, scripts) in [(Preset::Express, 1), (Preset::Recommended, 3)] {
        let scripts = asked.clone().unwrap_or(scripts);
        for (row, point) in space::covering().iter().enumerate() {
            for script in row..row + scripts {
                let scenario = space::scenario(preset, space::index(point), script % SCRIPTS);
                let core = Via::Core.replay(&scenario);
                let trace = via.replay(&scenario);
                let line = || serde_json::to_string(&scenario).expect("a scenario has a JSON text");
                assert_eq!(core, trace, "{via:?}: {}", line());
                let judged = space::judge(&scenario, &trace, &mut tally);
                judged.unwrap_or_else(|violation| panic!("{via:?}: {violation}\n{}", line()));
                runs += 1;
            }
        }
    }
    println!("{runs} runs via {via:?}\n{tally}");
    assert_eq!(tally.idle(&[Preset::Express, Preset::Recommended]), [""; 0]);
}

#[test]
fn axum_does_what_the_core_does() {
    drive(Via::Axum(Wiring::Layer));
}

#[test]
fn rocket_does_what_the_core_does() {
    drive(Via::Rocket);
}

#[test]
fn warp_does_what_the_core_does() {
    drive(Via::Warp);
}
