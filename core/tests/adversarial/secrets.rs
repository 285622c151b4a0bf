//! LG-2: what holds a secret can be neither displayed nor serialized by accident.

use std::fmt::{Debug, Display};
use std::marker::PhantomData;

use http_session::store::{Delete, Load, Rotate, Save, Stored, Touch, Version, Written};
use http_session::{
    Action, Ask, Begin, Config, ConfigBuilder, Exchange, Lookup, Outcome, Pending, Record, Secret,
    Session, SessionId,
};
use serde::Serialize;

/// Says which traits a type has. The inherent functions come first, for the types that they are for.
struct Probe<T>(PhantomData<T>);

trait Fallback {
    fn displays(&self) -> bool {
        false
    }

    fn serializes(&self) -> bool {
        false
    }
}

impl<T> Fallback for Probe<T> {}

impl<T: Display> Probe<T> {
    fn displays(&self) -> bool {
        true
    }
}

impl<T: Serialize> Probe<T> {
    fn serializes(&self) -> bool {
        true
    }
}

fn debugs<T: Debug>() {}

macro_rules! silent {
    ($($type:ty)*) => {$({
        let probe = Probe::<$type>(PhantomData);
        assert!(!probe.displays() && !probe.serializes(), stringify!($type));
        debugs::<$type>();
    })*};
}

// LG-2: none of these has Display or Serialize; all have a Debug, which `secrets_stay_secret.rs` looks at
#[test]
fn no_display() {
    silent! {
        Action Ask<Load> Ask<Save> Begin Config ConfigBuilder Delete Exchange Load Lookup Outcome Pending Record
        Rotate Save Secret Session SessionId Stored Touch Version Written
    }
    // The check finds what it looks for.
    assert!(Probe::<String>(PhantomData).displays() && Probe::<String>(PhantomData).serializes());
}
