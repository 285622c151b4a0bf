//! A store that fails at its n-th call.
