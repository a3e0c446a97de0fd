//! A pack (gitformat-pack), unfolded within its bounds. What a stranger packed decides nothing about how much memory or
//! time it takes: every length is checked before it is believed, and every object's name is computed here.

use std::collections::HashMap;

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use flate2::{Decompress, FlushDecompress, Status};

use crate::limits;

/// The name of an object.
pub(super) type Name = [u8; 20];

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Commit,
    Tree,
    Blob,
    Tag,
}

#[derive(Debug)]
struct Object {
    kind: Kind,
    body: Vec<u8>,
}

/// A pack, read.
#[derive(Debug, Default)]
pub(super) struct Pack {
    objects: Vec<Object>,
    by_name: HashMap<Name, usize>,
}

/// An object as it stands in the pack.
enum Packed {
    Whole(Kind, Vec<u8>),
    /// What to do to the object at this place in the pack.
    After(usize, Vec<u8>),
    /// What to do to the object of this name.
    AfterNamed(Name, Vec<u8>),
}

/// Bytes that are read from the front.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

fn broken() -> String {
    "its pack is broken".to_owned()
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, String> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(broken)?;
        self.at += 1;
        Ok(byte)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let part = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>()).ok_or_else(broken)?;
        self.at += N;
        Ok(*part)
    }

    /// Type and length: three bits and four, then seven a byte.
    fn head(&mut self) -> Result<(u8, usize), String> {
        let first = self.byte()?;
        let (mut length, mut shift, mut more) = (usize::from(first & 15), 4, first & 128 != 0);
        while more {
            let byte = self.byte()?;
            // Checked shifts alone would let bits fall off the end.
            if shift > 32 {
                return Err(broken());
            }
            length |= usize::from(byte & 127) << shift;
            (shift, more) = (shift + 7, byte & 128 != 0);
        }
        Ok((first >> 4 & 7, length))
    }

    /// How far before this object its base begins.
    fn back(&mut self) -> Result<usize, String> {
        let mut byte = self.byte()?;
        let mut back = usize::from(byte & 127);
        while byte & 128 != 0 {
            byte = self.byte()?;
            back = back.checked_add(1).and_then(|it| it.checked_mul(128)).ok_or_else(broken)?;
            back |= usize::from(byte & 127);
            if back > limits::GIT_PACK_BYTES_MAX {
                return Err(broken());
            }
        }
        Ok(back)
    }

    /// Unfolds what comes next, which must have exactly this length.
    fn unfold(&mut self, length: usize) -> Result<Vec<u8>, String> {
        let mut unfolding = Decompress::new(true);
        // One more than there should be, so that too much is seen as such.
        let mut body = Vec::with_capacity(length + 1);
        let rest = self.bytes.get(self.at..).ok_or_else(broken)?;
        let status =
            unfolding.decompress_vec(rest, &mut body, FlushDecompress::Finish).map_err(|_| broken())?;
        if status != Status::StreamEnd || body.len() != length {
            return Err(broken());
        }
        self.at += usize::try_from(unfolding.total_in()).map_err(|_| broken())?;
        body.shrink_to_fit();
        Ok(body)
    }
}

impl Pack {
    /// Reads a pack.
    ///
    /// # Errors
    /// A sentence, where it is broken, incomplete or too large.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let (content, sum) = bytes.split_last_chunk::<20>().ok_or_else(broken)?;
        let mut reader = Reader { bytes: content, at: 0 };
        let (magic, version) = (reader.take::<4>()?, u32::from_be_bytes(reader.take()?));
        if magic != *b"PACK" || !(2..=3).contains(&version) || sha1(&[content]) != *sum {
            return Err(broken());
        }
        let count = u32::from_be_bytes(reader.take()?) as usize;
        if count > limits::GIT_OBJECTS_MAX {
            return Err(format!("it has more than {} files and folders", limits::GIT_OBJECTS_MAX));
        }
        let mut room = limits::GIT_UNFOLDED_BYTES_MAX;
        let (mut packed, mut places) = (Vec::new(), HashMap::new());
        for number in 0..count {
            let begin = reader.at;
            places.insert(begin, number);
            let (kind, length) = reader.head()?;
            room = room.checked_sub(length).ok_or_else(too_large)?;
            packed.push(match kind {
                1 => Packed::Whole(Kind::Commit, reader.unfold(length)?),
                2 => Packed::Whole(Kind::Tree, reader.unfold(length)?),
                3 => Packed::Whole(Kind::Blob, reader.unfold(length)?),
                4 => Packed::Whole(Kind::Tag, reader.unfold(length)?),
                6 => {
                    let base = begin.checked_sub(reader.back()?).and_then(|at| places.get(&at).copied());
                    let base = base.filter(|&base| base < number).ok_or_else(broken)?;
                    Packed::After(base, reader.unfold(length)?)
                }
                7 => Packed::AfterNamed(reader.take()?, reader.unfold(length)?),
                _ => return Err(broken()),
            });
        }
        Self::resolve(packed, room)
    }

    /// Makes every object whole: those that are, then in each round those whose base is.
    fn resolve(packed: Vec<Packed>, mut room: usize) -> Result<Self, String> {
        let mut pack = Self::default();
        let mut whole: Vec<Option<usize>> = vec![None; packed.len()];
        let mut open = Vec::new();
        for (number, packed) in packed.into_iter().enumerate() {
            match packed {
                Packed::Whole(kind, body) => whole[number] = Some(pack.add(kind, body)),
                after => open.push((number, after)),
            }
        }
        // A base comes before what is made of it, so one round resolves a chain of any length; names may need more.
        for _ in 0..limits::GIT_CHAIN_MAX {
            let before = open.len();
            let mut left = Vec::new();
            for (number, packed) in open {
                let base = match &packed {
                    Packed::After(base, _) => whole[*base],
                    Packed::AfterNamed(name, _) => pack.by_name.get(name).copied(),
                    Packed::Whole(..) => None,
                };
                match (base, packed) {
                    (Some(base), Packed::After(_, steps) | Packed::AfterNamed(_, steps)) => {
                        let body = apply(&pack.objects[base].body, &steps, &mut room)?;
                        whole[number] = Some(pack.add(pack.objects[base].kind, body));
                    }
                    (_, packed) => left.push((number, packed)),
                }
            }
            open = left;
            if open.is_empty() {
                return Ok(pack);
            }
            if open.len() == before {
                break;
            }
        }
        Err(broken())
    }

    fn add(&mut self, kind: Kind, body: Vec<u8>) -> usize {
        let word = match kind {
            Kind::Commit => "commit",
            Kind::Tree => "tree",
            Kind::Blob => "blob",
            Kind::Tag => "tag",
        };
        let name = sha1(&[format!("{word} {}\0", body.len()).as_bytes(), &body]);
        self.objects.push(Object { kind, body });
        self.by_name.insert(name, self.objects.len() - 1);
        self.objects.len() - 1
    }

    /// The object of a name, where it is of this kind.
    pub(super) fn find(&self, name: &Name, kind: Kind) -> Option<usize> {
        self.by_name.get(name).copied().filter(|&at| self.objects[at].kind == kind)
    }

    /// What an object holds.
    pub(super) fn body(&self, at: usize) -> &[u8] {
        self.objects.get(at).map_or(&[], |object| &object.body)
    }
}

fn too_large() -> String {
    format!("it has more than {} bytes", limits::GIT_UNFOLDED_BYTES_MAX)
}

/// Makes an object of another by the steps of a delta.
fn apply(base: &[u8], steps: &[u8], room: &mut usize) -> Result<Vec<u8>, String> {
    let mut reader = Reader { bytes: steps, at: 0 };
    let (from, to) = (size(&mut reader)?, size(&mut reader)?);
    if from != base.len() {
        return Err(broken());
    }
    *room = room.checked_sub(to).ok_or_else(too_large)?;
    let mut made = Vec::with_capacity(to);
    while reader.at < steps.len() {
        let step = reader.byte()?;
        let part = if step & 128 == 0 {
            let part = steps.get(reader.at..reader.at + usize::from(step)).filter(|part| !part.is_empty());
            reader.at += usize::from(step);
            part
        } else {
            let mut number = |bits: std::ops::Range<u8>| {
                let mut value = 0;
                for (place, bit) in bits.enumerate() {
                    if step & (1 << bit) != 0 {
                        value |= usize::from(reader.byte()?) << (8 * place);
                    }
                }
                Ok::<usize, String>(value)
            };
            let (offset, length) = (number(0..4)?, number(4..7)?);
            let length = if length == 0 { 0x10000 } else { length };
            base.get(offset..offset + length)
        };
        let part = part.ok_or_else(broken)?;
        if made.len() + part.len() > to {
            return Err(broken());
        }
        made.extend_from_slice(part);
    }
    if made.len() == to { Ok(made) } else { Err(broken()) }
}

fn size(reader: &mut Reader<'_>) -> Result<usize, String> {
    let (mut size, mut shift) = (0, 0);
    loop {
        let byte = reader.byte()?;
        if shift > 35 {
            return Err(broken());
        }
        size |= usize::from(byte & 127) << shift;
        shift += 7;
        if byte & 128 == 0 {
            return Ok(size);
        }
    }
}

fn sha1(parts: &[&[u8]]) -> Name {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    parts.iter().for_each(|part| context.update(part));
    let mut name = [0; 20];
    name.copy_from_slice(context.finish().as_ref());
    name
}

#[cfg(test)]
#[path = "pack_tests.rs"]
mod tests;
