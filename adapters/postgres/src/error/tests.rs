use super::*;

#[test]
fn messages_that_may_quote_a_value_are_replaced() {
    assert_eq!(
        shown("42P01", "relation \"session\" does not exist"),
        "relation \"session\" does not exist"
    );
    assert_eq!(
        shown("22023", "time zone \"Mars\" not recognized"),
        "time zone \"Mars\" not recognized"
    );
    for code in ["22P02", "22021", "22P05", "P0001"] {
        assert!(!shown(code, "the secret is 17").contains("17"), "{code}");
    }
}

#[test]
fn what_the_driver_says_is_kept_only_where_it_knows_no_values() {
    let timeout = PostgresError::from(Error::PoolTimedOut);
    assert_eq!(timeout.code(), None);
    let text = "PostgreSQL: pool timed out while waiting for an open connection";
    assert_eq!(timeout.to_string(), text);
    let protocol = PostgresError::from(Error::Protocol("unexpected: the secret".into()));
    assert!(!format!("{protocol} {protocol:?}").contains("secret"));
}
