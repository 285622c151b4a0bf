use super::*;

#[test]
fn ids_are_words() {
    let text = "CK-3, CK-10: two (SG-1); XCK-3, CK-3-x, CK-, CK-x, RFC-1 and ST-99.";
    assert_eq!(ids(text).collect::<Vec<_>>(), ["CK-3", "CK-10", "SG-1", "ST-99"]);
}

#[test]
fn the_list_is_whole_and_in_order() {
    let all: Vec<_> = GROUPS
        .iter()
        .flat_map(|(group, last)| (1..=*last).map(move |number| format!("{group}-{number}")))
        .collect();
    let list = Attacks::list();
    assert_eq!(list.0.iter().map(|attack| attack.id).collect::<Vec<_>>(), all);
    assert_eq!(all.len(), 89);
    let sentences = list.0.iter().all(|attack| attack.text.ends_with('.'));
    assert!(sentences, "each says something");
}

#[test]
fn an_attack_without_test_and_reason_is_a_complaint() {
    let mut list = Attacks::list();
    let bare = list.complaints().len();
    assert!(bare > 50, "nothing is cited yet");
    list.cite("CK-1: any bytes", "a test").unwrap();
    assert_eq!(list.complaints().len(), bare - 1);
    list.cite("EX-5", "a test").unwrap();
    assert_eq!(list.complaints().len(), bare, "one with a reason has no test");
    assert!(list.cite("ST-12", "a test").is_err());
    list.0.retain(|attack| attack.id != "CF-8");
    assert!(list.complaints().contains(&"CF-8 is not in the list".into()));
}
