use std::io::Write as _;

use super::super::tree;
use super::*;

fn folded(body: &[u8]) -> Vec<u8> {
    let mut folding = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    folding.write_all(body).unwrap();
    folding.finish().unwrap()
}

fn head(kind: u8, mut length: usize) -> Vec<u8> {
    let mut head = vec![kind << 4 | (length & 15) as u8];
    length >>= 4;
    while length > 0 {
        *head.last_mut().unwrap() |= 128;
        head.push((length & 127) as u8);
        length >>= 7;
    }
    head
}

fn object(kind: u8, body: &[u8]) -> Vec<u8> {
    [head(kind, body.len()), folded(body)].concat()
}

fn packed(objects: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(objects.len()).unwrap().to_be_bytes();
    let mut pack =
        [b"PACK".to_vec(), 2_u32.to_be_bytes().to_vec(), count.to_vec(), objects.concat()].concat();
    let sum = sha1(&[&pack]);
    pack.extend(sum);
    pack
}

fn name(kind: &str, body: &[u8]) -> Name {
    sha1(&[format!("{kind} {}\0", body.len()).as_bytes(), body])
}

fn hex(name: &Name) -> String {
    name.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn entry(mode: &str, called: &str, name: &Name) -> Vec<u8> {
    [format!("{mode} {called}\0").as_bytes(), name].concat()
}

#[test]
fn objects_and_what_is_made_of_them_are_unfolded() {
    let (base, made) = (b"hello hello".to_vec(), b"hello there".to_vec());
    let steps = [&[11, 11][..], &[0b1001_0000, 6], &[5], b"there"].concat();
    let first = object(3, &base);
    let after = [head(6, steps.len()), vec![u8::try_from(first.len()).unwrap()], folded(&steps)].concat();
    let named = [head(7, steps.len()), name("blob", &base).to_vec(), folded(&steps)].concat();
    for second in [after, named] {
        let pack = Pack::read(&packed(&[first.clone(), second])).unwrap();
        let at = pack.find(&name("blob", &made), Kind::Blob).unwrap();
        assert_eq!(pack.body(at), made);
        assert!(pack.find(&name("blob", &made), Kind::Tree).is_none());
    }
}

#[test]
fn files_are_found_by_their_paths_and_nothing_else_is() {
    let file = b"a: 1".to_vec();
    let blob = name("blob", &file);
    let inner = entry("100644", "catalog-info.yaml", &blob);
    let inner_name = name("tree", &inner);
    let root = [
        entry("120000", "link.yaml", &blob),
        entry("160000", "module", &blob),
        entry("100644", "..", &blob),
        entry("100644", ".env", &blob),
        entry("100644", "a/b", &blob),
        entry("40000", ".git", &inner_name),
        entry("40000", "shop", &inner_name),
        entry("100755", "z.yaml", &blob),
    ]
    .concat();
    let commit = format!("tree {}\nauthor x\n", hex(&name("tree", &root))).into_bytes();
    let objects = [object(3, &file), object(2, &inner), object(2, &root), object(1, &commit)];
    let pack = Pack::read(&packed(&objects)).unwrap();
    let files = tree::files(&pack, &hex(&name("commit", &commit))).unwrap();
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["shop/catalog-info.yaml", "z.yaml"]);
    assert!(tree::files(&pack, &hex(&blob)).is_err(), "a commit is wanted");
}

#[test]
fn attack_a_bomb_of_folders_within_folders_is_refused_quickly() {
    let mut objects = vec![object(3, b"x")];
    let mut below = entry("100644", "a.yaml", &name("blob", b"x"));
    for _ in 0..12 {
        objects.push(object(2, &below));
        let inner = name("tree", &below);
        below = (0..10).flat_map(|number| entry("40000", &format!("d{number}"), &inner)).collect();
    }
    objects.push(object(2, &below));
    let commit = format!("tree {}\n", hex(&name("tree", &below))).into_bytes();
    objects.push(object(1, &commit));
    let pack = Pack::read(&packed(&objects)).unwrap();
    assert!(tree::files(&pack, &hex(&name("commit", &commit))).unwrap_err().contains("more than"));
}

/// A commit of one folder with these lines in it, and what they name.
fn commit_of(root: &[u8], others: &[Vec<u8>]) -> (Pack, String) {
    let commit = format!("tree {}\n", hex(&name("tree", root))).into_bytes();
    let objects = [others, &[object(2, root), object(1, &commit)]].concat();
    (Pack::read(&packed(&objects)).unwrap(), hex(&name("commit", &commit)))
}

#[test]
fn attack_a_folder_with_an_endless_name_does_not_stand_in_every_path() {
    let inner = entry("100644", "a.yaml", &name("blob", b"x"));
    let long = "d".repeat(1 << 20);
    let root = [
        entry("40000", &long, &name("tree", &inner)),
        entry("40000", "plain", &name("tree", &inner)),
        entry("100644", &long, &name("blob", b"x")),
    ];
    let (pack, commit) = commit_of(&root.concat(), &[object(3, b"x"), object(2, &inner)]);
    let files = tree::files(&pack, &commit).unwrap();
    assert_eq!(files.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["plain/a.yaml"]);
}

#[test]
fn attack_one_folder_with_more_in_it_than_a_repository_may_have_is_refused() {
    for mode in ["100644", "40000"] {
        let line = |number: usize| entry(mode, &format!("{number}.yaml"), &name("blob", b"x"));
        let root: Vec<u8> = (0..=limits::DESCRIPTOR_FILES_MAX).flat_map(line).collect();
        let (pack, commit) = commit_of(&root, &[object(3, b"x")]);
        assert!(tree::files(&pack, &commit).unwrap_err().contains("more than"), "{mode}");
    }
}

/// A good pack with everything in it that a pack has.
fn good() -> (Vec<u8>, Vec<Vec<u8>>) {
    let (base, steps) =
        (object(3, b"hello hello"), [&[11, 11][..], &[0b1001_0000, 6], &[5], b"there"].concat());
    let back = u8::try_from(base.len()).unwrap();
    let after = [head(6, steps.len()), vec![back], folded(&steps)].concat();
    let named = [head(7, steps.len()), name("blob", b"hello hello").to_vec(), folded(&steps)].concat();
    let root = entry("100644", "a.yaml", &name("blob", b"hello there"));
    let commit = format!("tree {}\n", hex(&name("tree", &root))).into_bytes();
    (commit.clone(), vec![base, after, named, object(2, &root), object(1, &commit)])
}

fn summed(mut pack: Vec<u8>) -> Vec<u8> {
    pack.extend(sha1(&[&pack]));
    pack
}

proptest::proptest! {
    #[test]
    fn attack_no_bytes_at_all_break_the_reader(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let _ = Pack::read(&bytes);
        let begun = [b"PACK".to_vec(), 2_u32.to_be_bytes().to_vec(), 3_u32.to_be_bytes().to_vec(), bytes.clone()];
        let _ = Pack::read(&summed(begun.concat()));
        let _ = apply(b"some base", &bytes, &mut 100_000);
        let (pack, commit) = commit_of(&bytes, &[]);
        let _ = tree::files(&pack, &commit);
    }

    #[test]
    fn attack_no_change_of_a_good_pack_breaks_the_reader(
        changes in proptest::collection::vec((proptest::num::usize::ANY, proptest::num::u8::ANY), 1..6),
    ) {
        let (commit, objects) = good();
        let mut pack = packed(&objects);
        pack.truncate(pack.len() - 20);
        let end = pack.len();
        changes.iter().for_each(|&(at, byte)| pack[at % end] = byte);
        if let Ok(pack) = Pack::read(&summed(pack)) {
            let held: usize = pack.objects.iter().map(|object| object.body.len()).sum();
            assert!(held <= limits::GIT_UNFOLDED_BYTES_MAX);
            let _ = tree::files(&pack, &hex(&name("commit", &commit)));
        }
    }

    #[test]
    fn attack_no_change_of_the_steps_to_an_object_breaks_the_reader(
        steps in proptest::collection::vec(proptest::num::u8::ANY, 0..40), from in 0_u8..20, to in 0_u8..127,
    ) {
        let base = vec![7; usize::from(from)];
        let mut room = 100;
        if let Ok(made) = apply(&base, &[&[from, to][..], &steps].concat(), &mut room) {
            assert!(made.len() == usize::from(to) && made.len() + room == 100);
        }
    }
}

#[test]
fn attack_a_pack_with_another_sum_is_refused() {
    let good = packed(&[object(3, b"hello")]);
    let mut other = good.clone();
    *other.last_mut().unwrap() ^= 1;
    assert!(Pack::read(&good).is_ok() && Pack::read(&other).is_err());
}

#[test]
fn attack_what_objects_are_made_into_counts_against_the_room_there_is() {
    // A base of one length only, and no more than there is room for.
    let copies = [5, 5, 0b1001_0000, 5];
    assert_eq!(apply(b"hello", &copies, &mut 5).unwrap(), b"hello");
    assert!(apply(b"hello", &copies, &mut 4).unwrap_err().contains("more than"));
    assert!(apply(b"hello you", &copies, &mut 5).is_err());
}

#[test]
fn attack_a_pack_that_lies_about_its_lengths_is_refused() {
    let good = packed(&[object(3, b"hello")]);
    assert!(Pack::read(&good).is_ok());
    for end in 0..good.len() {
        assert!(Pack::read(&good[..end]).is_err());
    }
    let mut flipped = good.clone();
    flipped[14] ^= 1;
    assert!(Pack::read(&flipped).is_err(), "the sum is checked");
    let zeros = vec![0; 1 << 20];
    // A megabyte that is said to be ten bytes, and ten that are said to be a gigabyte.
    assert!(Pack::read(&packed(&[[head(3, 10), folded(&zeros)].concat()])).is_err());
    assert!(
        Pack::read(&packed(&[[head(3, 1 << 30), folded(b"0123456789")].concat()]))
            .unwrap_err()
            .contains("more than")
    );
    // Each within bounds, and both together not: refused before the second is unfolded.
    let most = limits::GIT_UNFOLDED_BYTES_MAX - zeros.len() / 2;
    let second = [head(3, most), folded(b"0")].concat();
    assert!(Pack::read(&packed(&[object(3, &zeros), second])).unwrap_err().contains("more than"));
    // A delta that grows without end, one without a base, one of itself, one beyond its base.
    let base = object(3, b"0123456789");
    let grows = [&[10, 0x80, 0x80, 0x80, 0x80, 0x40][..], &[0b1001_0000, 10]].concat();
    let beyond = [&[10, 20][..], &[0b1001_0000, 20]].concat();
    let of = |back: u8, steps: &[u8]| [head(6, steps.len()), vec![back], folded(steps)].concat();
    let length = u8::try_from(base.len()).unwrap();
    assert!(Pack::read(&packed(&[base.clone(), of(length, &grows)])).is_err());
    assert!(Pack::read(&packed(&[base.clone(), of(length, &beyond)])).is_err());
    assert!(Pack::read(&packed(&[base.clone(), of(0, &beyond)])).is_err());
    assert!(Pack::read(&packed(&[base.clone(), of(length - 1, &beyond)])).is_err());
    let orphan = [head(7, beyond.len()), vec![9; 20], folded(&beyond)].concat();
    assert!(Pack::read(&packed(&[base, orphan])).is_err());
    let many = [b"PACK".to_vec(), 2_u32.to_be_bytes().to_vec(), u32::MAX.to_be_bytes().to_vec()].concat();
    let sum = sha1(&[&many]);
    assert!(Pack::read(&[many, sum.to_vec()].concat()).unwrap_err().contains("more than"));
}
