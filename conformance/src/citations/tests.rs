use super::*;
use crate::{adversarial, rules};

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
    let cited: Vec<_> = rules::KIND.cited(&found[0].0).collect();
    assert_eq!(cited, ["B-001", "B-002", "B-003"]);
}

#[test]
fn ids_are_words() {
    let text = "CK-3, CK-10: two (SG-1); XCK-3, CK-3-x, CK-, CK-x, RFC-1 and ST-99.";
    let cited: Vec<_> = adversarial::KIND.cited(text).collect();
    assert_eq!(cited, ["CK-3", "CK-10", "SG-1", "ST-99"]);
}

#[test]
fn the_lists_are_whole_and_in_order() {
    for (kind, count) in [(&rules::KIND, 216), (&adversarial::KIND, 89)] {
        let list = List::bare(kind);
        let ids: Vec<_> = list.items.iter().map(|item| item.id).collect();
        assert_eq!(ids, kind.ids().collect::<Vec<_>>());
        assert_eq!(ids.len(), count);
        let sentences = list.items.iter().all(|item| item.text.ends_with('.'));
        assert!(sentences, "each says something");
    }
}

#[test]
fn an_item_without_test_and_reason_is_a_complaint() {
    for (kind, least, plain, excused, none) in [
        (&rules::KIND, 100, "B-049: a cookie", "B-003", "B-217"),
        (&adversarial::KIND, 50, "CK-1: any bytes", "EX-5", "ST-12"),
    ] {
        let mut list = List::bare(kind);
        let bare = list.complaints().len();
        assert!(bare > least, "nothing is cited yet");
        list.cite(plain, "a test").unwrap();
        assert_eq!(list.complaints().len(), bare - 1);
        list.cite(excused, "a test").unwrap();
        assert_eq!(list.complaints().len(), bare, "one with a reason has no test");
        assert!(list.cite(none, "a test").is_err());
        let first = list.items.remove(0);
        assert!(list.complaints().contains(&format!("{} is not in the list", first.id)));
    }
}
