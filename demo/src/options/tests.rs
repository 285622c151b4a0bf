use http_session_store::core::{Config, Secret};

use super::{Options, Preset};

/// What the form shows for a preset is what the library makes of it.
#[test]
fn the_presets_are_the_librarys_own() {
    let secret = || Secret::from([7; 32]);
    for (preset, library) in [
        (Preset::Express, Config::express(secret())),
        (Preset::Recommended, Config::recommended(secret()).for_localhost()),
    ] {
        let form = Options::of(preset).config(secret()).expect("sound options");
        let library = library.build().expect("sound options");
        assert_eq!(format!("{form:?}"), format!("{library:?}"));
    }
}
