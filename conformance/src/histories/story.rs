//! A history of two requests as a scenario.
