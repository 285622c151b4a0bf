//! What several targets have in common.

use std::sync::LazyLock;

use http_session::{Config, Timestamp};

/// The secret that signs, one that is accepted beside it, and one that nobody accepts.
pub(crate) const SECRETS: [&str; 3] = [
    "the secret that signs, of 32 and more bytes",
    "the old secret, which is still accepted",
    "a secret of somebody else, not accepted",
];

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_003_999).expect("a moment")
}

/// With one of the two presets, and the first two secrets.
pub(crate) fn config(quirks: bool) -> &'static Config {
    static CONFIGS: LazyLock<[Config; 2]> = LazyLock::new(|| {
        [Config::express(SECRETS[0]), Config::recommended(SECRETS[0])].map(|config| {
            config.accept(SECRETS[1]).name("__Host-id").build().expect("sound options")
        })
    });
    &CONFIGS[usize::from(!quirks)]
}

/// Each byte as a percent escape.
pub(crate) fn encode_all(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
