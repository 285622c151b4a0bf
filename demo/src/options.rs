//! The form with the options, and what is built from it.

use std::fmt;
use std::time::Duration;

use http_session_store::core::{
    Config, ConfigError, Conflict, CookieOptions, Secret, Timeouts, Unset,
};
use serde::{Deserialize, Serialize};

/// The form, by its names and values.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) struct Options {
    pub(crate) preset: Preset,
    #[serde(with = "Conflicts")]
    pub(crate) conflict: Conflict,
    pub(crate) idle: Span,
    pub(crate) absolute: Span,
    #[serde(default)]
    pub(crate) resave: bool,
    #[serde(default)]
    pub(crate) rolling: bool,
    #[serde(default)]
    pub(crate) save_uninitialized: bool,
    pub(crate) max_age: Span,
    #[serde(with = "Unsetting")]
    pub(crate) unset: Unset,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Preset {
    Express,
    Recommended,
}

#[derive(Deserialize, Serialize)]
#[serde(remote = "Conflict", rename_all = "snake_case")]
enum Conflicts {
    Merge,
    Overwrite,
    Refuse,
}

#[derive(Deserialize, Serialize)]
#[serde(remote = "Unset", rename_all = "snake_case")]
enum Unsetting {
    Destroy,
    Keep,
}

/// A span of time that can be chosen.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Span {
    None,
    Minute,
    FiveMinutes,
    TenMinutes,
    Hour,
    HalfDay,
    Day,
    Month,
}

impl Span {
    pub(crate) const fn duration(self) -> Option<Duration> {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        Some(Duration::from_secs(match self {
            Self::None => return None,
            Self::Minute => MINUTE,
            Self::FiveMinutes => 5 * MINUTE,
            Self::TenMinutes => 10 * MINUTE,
            Self::Hour => HOUR,
            Self::HalfDay => 12 * HOUR,
            Self::Day => 24 * HOUR,
            Self::Month => 30 * 24 * HOUR,
        }))
    }

    pub(crate) fn millis(self) -> Option<i64> {
        i64::try_from(self.duration()?.as_millis()).ok()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no time",
            Self::Minute => "1 minute",
            Self::FiveMinutes => "5 minutes",
            Self::TenMinutes => "10 minutes",
            Self::Hour => "1 hour",
            Self::HalfDay => "12 hours",
            Self::Day => "24 hours",
            Self::Month => "30 days",
        })
    }
}

impl Options {
    /// What a preset sets when nothing else is said.
    pub(crate) const fn of(preset: Preset) -> Self {
        let express = Self {
            preset,
            conflict: Conflict::Overwrite,
            idle: Span::None,
            absolute: Span::None,
            resave: true,
            rolling: false,
            save_uninitialized: true,
            max_age: Span::None,
            unset: Unset::Keep,
        };
        match preset {
            Preset::Express => express,
            Preset::Recommended => Self {
                conflict: Conflict::Merge,
                idle: Span::Day,
                absolute: Span::Month,
                resave: false,
                save_uninitialized: false,
                ..express
            },
        }
    }

    /// The options, built.
    pub(crate) fn config(&self, secret: Secret) -> Result<Config, ConfigError> {
        let builder = match self.preset {
            Preset::Express => Config::express(secret),
            // A service that is reached by HTTPS leaves this out.
            Preset::Recommended => Config::recommended(secret).for_localhost(),
        };
        builder
            .conflict(self.conflict)
            .timeouts(Timeouts { idle: self.idle.duration(), absolute: self.absolute.duration() })
            .resave(self.resave)
            .rolling(self.rolling)
            .save_uninitialized(self.save_uninitialized)
            .cookie(CookieOptions::new().max_age(self.max_age.duration()))
            .unset(self.unset)
            .build()
    }

    /// The same in an application's own code, where a preset's defaults go without saying.
    pub(crate) fn code(&self) -> String {
        let preset = Self::of(self.preset);
        let seconds = |span: Span| match span.duration() {
            Some(duration) => format!("Some(Duration::from_secs({}))", duration.as_secs()),
            None => "None".into(),
        };
        let mut code = String::from(match self.preset {
            Preset::Express => "Config::express(secret)",
            Preset::Recommended => {
                "Config::recommended(secret)\n    .for_localhost() // without HTTPS"
            }
        });
        for (differs, call) in [
            (self.conflict != preset.conflict, format!("conflict(Conflict::{:?})", self.conflict)),
            (
                (self.idle, self.absolute) != (preset.idle, preset.absolute),
                format!(
                    "timeouts(Timeouts {{\n        idle: {},\n        absolute: {},\n    }})",
                    seconds(self.idle),
                    seconds(self.absolute)
                ),
            ),
            (self.resave != preset.resave, format!("resave({})", self.resave)),
            (self.rolling != preset.rolling, format!("rolling({})", self.rolling)),
            (
                self.save_uninitialized != preset.save_uninitialized,
                format!("save_uninitialized({})", self.save_uninitialized),
            ),
            (
                self.max_age != preset.max_age,
                format!(
                    "cookie(\n        CookieOptions::new()\n            .max_age({}),\n    )",
                    seconds(self.max_age)
                ),
            ),
            (self.unset != preset.unset, format!("unset(Unset::{:?})", self.unset)),
        ] {
            if differs {
                code += &format!("\n    .{call}");
            }
        }
        code + "\n    .build()?"
    }
}

#[cfg(test)]
mod tests;
