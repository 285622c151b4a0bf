use super::*;

#[test]
fn citations_stand_directly_above_tests() {
    // Spelled otherwise, or this would be a citation itself.
    let source = "
        // R-001, R-002: two rules
        // and R-003
        #[test]
        #[should_panic]
        fn cited() {}

        // R-004: no test
        fn helper() {}

        // R-005: a statement comes between
        const X: u8 = 1;
        #[tokio::test(start_paused = true)]
        async fn uncited() {}

        // R-006: async
        #[tokio::test(start_paused = true)]
        async fn waits() {}
    ";
    let found = comments(&source.replace("R-", "B-"));
    let names: Vec<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["cited", "waits"]);
    assert_eq!(numbers(&found[0].0).collect::<Vec<_>>(), ["B-001", "B-002", "B-003"]);
}

#[test]
fn a_rule_without_test_and_reason_is_a_complaint() {
    let mut rules = Rules::list();
    let bare = rules.complaints().len();
    assert!(bare > 100, "nothing is cited yet");
    rules.cite("B-049", "a test").unwrap();
    assert_eq!(rules.complaints().len(), bare - 1);
    rules.cite("B-003", "a test").unwrap();
    assert_eq!(rules.complaints().len(), bare, "a rule that can't occur has no test");
    assert!(rules.cite("B-217", "a test").is_err());
    rules.0.remove("B-001");
    assert!(rules.complaints().contains(&"B-001 is not in the list".into()));
}
