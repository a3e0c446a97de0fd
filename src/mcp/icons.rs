//! The picture of a tool: one a plugin, drawn here and sent along, so that no client fetches anything from anywhere for it
//! (MCP 2025-11-25, icons: `https` or `data:`, and nothing that runs).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::Icon;

/// The oldest revision whose clients know icons.
pub const SINCE: &str = "2025-11-25";

/// A colour that is seen on light and on dark, and what is drawn on it in white, in a square of 24.
type Picture = (&'static str, &'static str);

/// By plugin, the part of an action's id before the colon.
const PICTURES: [(&str, Picture); 5] = [
    ("catalog", ("#2563eb", "M6 6h5v5H6zM13 6h5v5h-5zM6 13h5v5H6zM13 13h5v5h-5z")),
    ("scaffolder", ("#7c3aed", "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z")),
    ("auth", ("#0f766e", "M12 5a4 4 0 1 1 0 8a4 4 0 0 1 0-8zM5 19c0-4 14-4 14 0z")),
    ("rbac", ("#b45309", "M12 4l7 3v5c0 4-3 7-7 8c-4-1-7-4-7-8V7z")),
    ("apis", ("#be185d", "M9 6L3 12l6 6l2-2l-4-4l4-4zM15 6l6 6l-6 6l-2-2l4-4l-4-4z")),
];

/// For every other plugin.
const OTHER: Picture = ("#475569", "M12 7a5 5 0 1 1 0 10a5 5 0 0 1 0-10z");

/// The icon of the action `id`.
pub fn of(id: &str) -> Icon {
    let plugin = id.split_once(':').map_or("", |(plugin, _)| plugin);
    let (colour, path) =
        PICTURES.iter().find(|(known, _)| *known == plugin).map_or(OTHER, |(_, picture)| *picture);
    let svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="5" fill="{colour}"/><path fill="#fff" d="{path}"/></svg>"##
    );
    Icon::new(format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)))
        .with_mime_type("image/svg+xml")
        .with_sizes(vec!["any".to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_plugin_has_its_own_small_picture_in_which_nothing_runs() {
        let all: Vec<_> = ["catalog:x", "scaffolder:x", "auth:x", "rbac:x", "apis:x", "other:x"]
            .iter()
            .map(|id| of(id).src)
            .collect();
        for (at, src) in all.iter().enumerate() {
            assert!(src.len() < 512 && !all[..at].contains(src), "{src}");
            let svg = STANDARD.decode(src.strip_prefix("data:image/svg+xml;base64,").unwrap()).unwrap();
            let svg = String::from_utf8(svg).unwrap();
            assert!(!svg.contains("script") && !svg.contains("href") && !svg.contains(" on"), "{svg}");
        }
        assert_eq!(of("no-plugin").src, of("other:x").src);
    }
}
