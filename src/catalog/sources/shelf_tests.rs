use super::*;

const AT: Time = Time::from_seconds(1_000);
const URL: &str = "https://a.example/catalog-info.yaml";

#[test]
fn the_last_good_answer_outlives_a_failure_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::open(folder.path(), URL, Kind::Web);
    assert_eq!(shelf.due(AT), [(URL.to_owned(), None)]);
    shelf.put(URL, b"a: 1", Some("\"x\"".into()), AT).unwrap();
    shelf.begin();
    assert_eq!(shelf.read(URL, 10).unwrap(), "a: 1");
    assert!(shelf.read(URL, 3).unwrap_err().contains("larger"));
    shelf.end();
    shelf.save();
    let shelf = Shelf::open(folder.path(), URL, Kind::Web);
    shelf.fail(URL, "its host could not be reached".into(), false, AT.plus_seconds(9));
    assert_eq!(shelf.read(URL, 10).unwrap(), "a: 1");
    assert_eq!(shelf.failures().len(), 1);
    assert!(shelf.due(AT).is_empty(), "asked for a moment ago");
    assert_eq!(shelf.due(AT.plus_seconds(10)), [(URL.to_owned(), Some("\"x\"".to_owned()))]);
    assert!(Shelf::open(folder.path(), "https://b.example/", Kind::Web).read(URL, 10).is_err(), "another's");
}

#[test]
fn what_no_reading_asks_for_goes_and_what_is_wanted_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::open(folder.path(), URL, Kind::Web);
    shelf.put(URL, b"1", None, AT).unwrap();
    shelf.put("https://a.example/b", b"2", None, AT).unwrap();
    shelf.begin();
    assert_eq!(shelf.read("https://a.example/c", 10).unwrap_err(), PENDING);
    assert!(shelf.wants());
    shelf.end();
    assert!(shelf.stamp("https://a.example/b").is_none());
    for number in 0..limits::SOURCE_FILES_MAX {
        let _ = shelf.read(&format!("https://a.example/{number}"), 10);
    }
    assert!(shelf.read("https://a.example/more", 10).unwrap_err().contains("more than"));
    assert!(shelf.due(AT).len() <= limits::SOURCE_FILES_MAX);
}

#[test]
fn what_its_host_says_is_gone_stays_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::open(folder.path(), URL, Kind::Web);
    shelf.put(URL, b"1", None, AT).unwrap();
    shelf.fail(URL, "404".into(), true, AT);
    assert!(shelf.is_gone(URL) && shelf.stamp(URL).is_some());
    shelf.fail(URL, "404".into(), true, AT.plus_seconds(limits::SOURCE_GONE_SECONDS));
    assert!(shelf.stamp(URL).is_some());
    shelf.fail(URL, "404".into(), true, AT.plus_seconds(limits::SOURCE_GONE_SECONDS + 1));
    assert!(shelf.stamp(URL).is_none());
    shelf.put(URL, b"1", None, AT).unwrap();
    assert!(!shelf.is_gone(URL) && shelf.stamp(URL).is_some());
}

#[test]
fn what_is_damaged_on_disk_is_not_read_and_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::open(folder.path(), URL, Kind::Web);
    shelf.put(URL, b"a: 1", None, AT).unwrap();
    std::fs::write(shelf.key().join(hex(b"a: 1")), "").unwrap();
    assert!(shelf.read(URL, 10).unwrap_err().contains("damaged"));
    assert_eq!(shelf.due(AT), [(URL.to_owned(), None)]);
    shelf.put(URL, b"a: 1", None, AT).unwrap();
    assert!(shelf.read(URL, 10).is_ok(), "the damaged file is replaced");
}
