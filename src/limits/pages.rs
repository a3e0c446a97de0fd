//! Pages of the catalog: what one of them shows at most, so that it loads over a slow line whatever a descriptor says.

/// Entities on one page of the catalog's search.
pub const CATALOG_PAGE_ROWS: usize = 20;
/// Most values of one filter that its list offers, the most frequent first.
pub const CATALOG_CHOICES_MAX: usize = 60;
/// Longest title of an entity on a page, in characters.
pub const ENTITY_TITLE_CHARS: usize = 100;
/// Longest description of an entity on its page, in characters.
pub const ENTITY_TEXT_CHARS: usize = 4_000;
/// Most entities of one relation that a page lists; a team may own thousands.
pub const ENTITY_RELATED_MAX: usize = 30;
/// Most boxes above, and as many below, the entity in its picture: more is a carpet.
pub const GRAPH_NODES_MAX: usize = 10;
/// Most characters of a title in one box of the picture; a wide one counts as two.
pub const GRAPH_TITLE_CHARS: usize = 18;
/// Most links, labels, annotations, tags, problems and tools that a page lists, each.
pub const ENTITY_ROWS_MAX: usize = 40;
/// Most operations of an API on its page; the definition has them all.
pub const ENTITY_OPERATIONS_MAX: usize = 80;
/// How much of a definition, and of a descriptor, stands on the page itself, in bytes; the whole is one click away.
pub const ENTITY_SOURCE_BYTES: usize = 8_192;
