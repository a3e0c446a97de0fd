//! The picture of an entity among its neighbours: what it belongs to above it, what belongs to it below. Plain SVG that
//! a template draws; the stylesheet colours it, so that it is dark where the page is.

use serde_json::Value;

use super::stranger::Named;
use crate::catalog::index::Index;
use crate::limits;

const WIDTH: usize = 340;
const BOX_WIDTH: usize = 160;
const BOX_HEIGHT: usize = 46;
const ROW: usize = BOX_HEIGHT + 10;
const SPINE: usize = WIDTH / 2;
const GAP: usize = 16;

/// What a relation is called beside the other end, in order of how much it tells; those that stand above come first.
const WORDS: [(&str, &str, bool); 14] = [
    ("ownedBy", "owner", true),
    ("partOf", "part of", true),
    ("childOf", "parent", true),
    ("memberOf", "member of", true),
    ("apiProvidedBy", "provided by", true),
    ("dependencyOf", "needed by", true),
    ("apiConsumedBy", "used by", true),
    ("hasPart", "has", false),
    ("providesApi", "provides", false),
    ("dependsOn", "depends on", false),
    ("consumesApi", "uses", false),
    ("parentOf", "parent of", false),
    ("hasMember", "member", false),
    ("ownerOf", "owns", false),
];

/// What a relation is called, where it is one that the house knows.
pub fn words(relation: &str) -> Option<&'static str> {
    WORDS.iter().find(|(known, ..)| *known == relation).map(|(_, words, _)| *words)
}

/// Where a relation stands among the others.
pub fn rank(relation: &str) -> usize {
    WORDS.iter().position(|(known, ..)| *known == relation).unwrap_or(WORDS.len())
}

/// A neighbour.
#[derive(Debug, PartialEq, Eq)]
pub struct Node {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Who it is.
    pub named: Named,
    /// Its title as far as the box has room.
    pub label: String,
    /// How it is related.
    pub relation: &'static str,
}

/// A picture.
#[derive(Debug, PartialEq, Eq)]
pub struct Graph {
    /// Size of the whole.
    pub width: usize,
    /// Size of the whole.
    pub height: usize,
    /// Size of a box.
    pub box_width: usize,
    /// Size of a box.
    pub box_height: usize,
    /// The neighbours.
    pub nodes: Vec<Node>,
    /// The lines, as the path of SVG.
    pub lines: String,
    /// Upper edge of the entity's own box.
    pub own_y: usize,
    /// Its title as far as there is room.
    pub own_label: String,
    /// The same in words.
    pub description: String,
    /// How many neighbours found no room.
    pub left_out: usize,
}

/// Draws the neighbours of `entity`. `None` where it has none.
pub fn draw(index: &Index, entity: &Value) -> Option<Graph> {
    let mut all: Vec<(usize, &str)> = Vec::new();
    for relation in entity["relations"].as_array().into_iter().flatten() {
        let (Some(kind), Some(target)) = (relation["type"].as_str(), relation["targetRef"].as_str()) else {
            continue;
        };
        if rank(kind) < WORDS.len() {
            all.push((rank(kind), target));
        }
    }
    if all.is_empty() {
        return None;
    }
    all.sort_unstable();
    let (above, below): (Vec<_>, Vec<_>) = all.iter().partition(|(rank, _)| WORDS[*rank].2);
    let shown = |side: &[(usize, &str)]| side.len().min(limits::GRAPH_NODES_MAX);
    let rows = |side: &[(usize, &str)]| shown(side).div_ceil(2);
    let mut nodes = Vec::new();
    let mut place = |side: &[(usize, &str)], top: usize| {
        for (at, (rank, target)) in side.iter().take(limits::GRAPH_NODES_MAX).enumerate() {
            let named = Named::new(target, index.get(target).map(AsRef::as_ref));
            let (x, y) = (at % 2 * (WIDTH - BOX_WIDTH), top + at / 2 * ROW);
            nodes.push(Node { x, y, label: fitted(&named.title), named, relation: WORDS[*rank].1 });
        }
    };
    place(&above, 0);
    let own_y = if above.is_empty() { 0 } else { rows(&above) * ROW + GAP };
    let below_y = own_y + BOX_HEIGHT + GAP + 10;
    place(&below, below_y);
    let height = if below.is_empty() { own_y + BOX_HEIGHT } else { below_y + rows(&below) * ROW - 10 };
    let title = crate::catalog::answers::title(entity);
    Some(Graph {
        width: WIDTH,
        height,
        box_width: BOX_WIDTH,
        box_height: BOX_HEIGHT,
        lines: lines(&nodes, own_y),
        own_y,
        own_label: fitted(&super::stranger::title(title)),
        description: described(&nodes, all.len()),
        left_out: all.len() - nodes.len(),
        nodes,
    })
}

/// A spine through the middle, and a short line from it to each box.
fn lines(nodes: &[Node], own_y: usize) -> String {
    let middle = |node: &Node| node.y + BOX_HEIGHT / 2;
    let mut path = String::new();
    let ends = nodes.iter().map(middle);
    if let (Some(first), Some(last)) = (ends.clone().min(), ends.max()) {
        let (from, to) = (first.min(own_y + BOX_HEIGHT / 2), last.max(own_y + BOX_HEIGHT / 2));
        path += &format!("M{SPINE} {from}V{to}");
    }
    for node in nodes {
        let edge = if node.x == 0 { BOX_WIDTH } else { node.x };
        path += &format!("M{SPINE} {}H{edge}", middle(node));
    }
    path
}

fn described(nodes: &[Node], all: usize) -> String {
    let said: Vec<String> =
        nodes.iter().map(|node| format!("{} {}", node.relation, node.named.title)).collect();
    let rest = all - nodes.len();
    let rest = if rest == 0 { String::new() } else { format!("; and {rest} more in the list of relations") };
    format!("{}{rest}.", said.join("; "))
}

/// As many characters as a box has room for; a letter that may be wide counts as two.
fn fitted(title: &str) -> String {
    let (mut out, mut used) = (String::new(), 0);
    for c in title.chars() {
        used += if c.is_ascii() { 1 } else { 2 };
        if used > limits::GRAPH_TITLE_CHARS {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn what_an_entity_belongs_to_stands_above_it_and_what_belongs_to_it_below() {
        let index = Catalog::sample().index();
        let graph = draw(&index, index.get("component:default/booking-service").unwrap()).unwrap();
        let side = |relation: &str| {
            let node = graph.nodes.iter().find(|node| node.relation == relation).unwrap();
            node.y < graph.own_y
        };
        assert!(side("owner") && side("part of") && !side("provides") && !side("depends on"));
        assert!(
            graph.nodes.iter().all(|node| node.y + BOX_HEIGHT <= graph.height && node.x + BOX_WIDTH <= WIDTH)
        );
        assert!(graph.description.starts_with("owner "), "{}", graph.description);
        let mut places: Vec<_> = graph.nodes.iter().map(|node| (node.x, node.y)).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), graph.nodes.len(), "no box hides another");
    }

    #[test]
    fn a_crowd_of_neighbours_is_bounded_and_counted() {
        let crowd: Vec<_> = (0..5_000)
            .map(|n| json!({"type": "ownerOf", "targetRef": format!("api:default/a{n}")}))
            .collect();
        let graph =
            draw(&Index::default(), &json!({"kind": "Group", "metadata": {"name": "g"}, "relations": crowd}))
                .unwrap();
        assert_eq!(
            (graph.nodes.len(), graph.left_out),
            (limits::GRAPH_NODES_MAX, 5_000 - limits::GRAPH_NODES_MAX)
        );
        assert!(graph.nodes.iter().all(|node| node.named.path.is_empty()), "what is not there is no link");
        assert!(
            draw(&Index::default(), &json!({"relations": [{"type": "odd", "targetRef": "a:b/c"}]})).is_none()
        );
    }
}
