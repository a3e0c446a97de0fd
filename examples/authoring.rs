//! A tool of your own: `cargo run --example authoring`, and it is at `/mcp` beside the others.
//!
//! It is listed, filtered, scoped, guarded and audited as the built-in ones are; nothing more is to be done for that.

use postern::actions::{Action, ActionError, Effect, Plugin, turn::Turn};
use postern::config::{Config, Flags};

// The action, from here …
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Asked {
    /// Name of the harbour, such as Quayside.
    harbour: String,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Tide {
    metres: f64,
}

async fn get_tide(_: Turn, asked: Asked) -> Result<Tide, ActionError> {
    let known = [("quayside", 3.2), ("longsands", 4.1)];
    let found = known.iter().find(|(name, _)| asked.harbour.eq_ignore_ascii_case(name));
    let unknown = || ActionError::NotFound(format!("no harbour {} is known here", asked.harbour));
    found.map(|&(_, metres)| Tide { metres }).ok_or_else(unknown)
}
// … to here.

/// What is added to the server.
pub fn plugin() -> Plugin {
    let about = "Tell how high the water stands at high tide in a harbour, in metres above the chart.";
    let action =
        Action::typed("tides:get-tide", "Get Tide", about, get_tide).effect(Effect::Read).scope("tides:read");
    Plugin {
        actions: vec![action],
        scopes: vec![("tides:read".into(), "Look up the tides of our harbours".into())],
    }
}

#[tokio::main]
async fn main() -> Result<std::process::ExitCode, Box<dyn std::error::Error>> {
    let (config, _) = Config::load(&Flags::default())?;
    postern::ops::serve::serve_with(config, plugin()).await
}
