//! Pages that anybody may look at.

use http::StatusCode;

use crate::support::browser::Browser;

on_both_engines! {
    async fn the_connect_page_names_this_server_for_every_client_and_needs_no_sign_in(world) {
        let mut browser = Browser::default();
        let page = browser.open(&world, "/connect").await;
        assert_eq!(page.status, StatusCode::OK);
        for client in ["VS Code", "GitHub Copilot CLI", "Claude Code", "Codex", "Cursor", "Any other client"] {
            assert!(page.text.contains(client), "{client}");
        }
        let link = "vscode:mcp/install?%7B%22name%22%3A%22postern%22%2C%22type%22%3A%22http%22%2C%22url%22%3A\
                    %22http%3A%2F%2Flocalhost%3A8787%2Fmcp%22%7D";
        assert!(page.text.contains(link), "{}", page.text);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
    }

    async fn only_the_connect_page_may_run_script(world) {
        let mut browser = Browser::default();
        for path in ["/", "/login", "/nowhere"] {
            let page = browser.open(&world, path).await;
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(!policy.contains("script-src"), "{path}: {policy}");
        }
    }
}
