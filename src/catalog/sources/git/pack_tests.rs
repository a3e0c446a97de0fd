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
