//! The list of attacks, each with its test. A row without a test stands here with the reason, so that none is missing
//! silently; a test that goes, or that is named after a row that is not here, stops the build.

use std::collections::BTreeSet;
use std::path::Path;

use Row::{Later, Test};

/// What there is of a row.
enum Row {
    /// A test that is named after it.
    Test(&'static str),
    /// What it attacks does not exist here; why.
    Later(&'static str),
}

/// By the letters of their parts: registration, authorization, sign-in, consent, tokens, signatures, the MCP endpoint,
/// tools, administration and storage, HTTP.
const ROWS: &[(&str, Row)] = &[
    ("A01", Test("a01_a_document_that_redirects_is_refused_without_a_second_request")),
    ("A02", Test("a02_a_name_is_looked_up_once_and_one_private_answer_spoils_the_rest")),
    ("A03", Test("a03_hosts_that_are_not_public_are_refused_in_every_disguise")),
    (
        "A04",
        Test("a04_of_all_addresses_in_a_document_only_its_picture_is_fetched_and_of_a_registration_none"),
    ),
    ("A06", Test("a06_another_spelling_of_an_id_is_refused_or_another_client_and_never_merged")),
    ("A08", Test("a08_a_host_that_looks_like_an_allowed_one_is_refused_before_it_is_asked_anything")),
    ("A09", Test("a09_ten_thousand_ids_on_one_host_are_fetched_at_a_measured_pace_and_leave_no_rows")),
    ("A10", Test("a10_no_uri_that_a_browser_runs_or_reads_from_disk_is_registered")),
    ("A11", Test("a11_what_a_client_may_not_give_itself_is_cut_or_ignored")),
    ("A12", Test("attack_a12_a_flood_leaves_a_bounded_number_of_rows_and_locks_nobody_out")),
    ("A14", Test("a14_a_document_that_changed_is_asked_about_again_for_old_and_new_places")),
    ("B01", Test("b01_a_redirect_that_only_looks_like_the_registered_one_is_never_followed")),
    ("B02", Test("b02_an_unknown_client_or_redirect_shows_a_page_whatever_else_is_wrong")),
    ("B03", Test("b03_a_parameter_given_twice_is_refused_also_across_query_and_body")),
    ("B04", Test("attack_b04_a_code_is_redeemed_by_whoever_made_its_challenge_and_by_nobody_else")),
    ("B05", Test("b05_requests_by_reference_other_modes_and_implicit_are_refused")),
    ("B06", Test("b06_prompt_none_never_shows_and_never_grants")),
    ("B08", Test("attack_b08_every_answer_says_once_whose_it_is")),
    ("B10", Test("b10_sign_in_returns_to_the_hub_or_the_account_and_nowhere_else")),
    ("C01", Test("c01_a_session_planted_before_sign_in_is_worth_nothing_after")),
    ("C02", Test("attack_c02_an_address_that_its_provider_did_not_verify_links_nobody")),
    ("C03", Test("attack_c03_an_assertion_that_is_not_for_here_and_now_is_refused")),
    ("C05", Test("attack_c05_a_suspended_person_is_nobody_by_any_grant")),
    ("C06", Test("c06_no_code_comes_before_the_sign_in_that_was_asked_for_in_this_very_browser")),
    ("C08", Test("c08_two_nodes_count_together")),
    ("C09", Test("c09_one_address_is_one_account_however_it_is_written")),
    ("C11", Test("attack_c11_a_provider_that_points_elsewhere_or_inside_is_not_followed")),
    ("D01", Test("d01_a_request_begun_in_one_browser_cannot_be_finished_in_another")),
    ("D02", Test("d02_a_form_from_elsewhere_is_refused")),
    ("D03", Test("d03_a_name_made_to_deceive_is_shown_for_what_it_is")),
    ("D04", Test("d04_nothing_but_a_posted_allow_allows")),
    ("D05", Test("d05_a_yes_to_less_is_no_yes_to_more")),
    ("D07", Test("d07_a_client_suspended_between_the_question_and_the_answer_gets_nothing")),
    ("E01", Test("attack_e01_one_code_redeemed_fifty_times_at_once_has_one_winner_and_then_none")),
    ("E02", Test("attack_e02_fifty_refreshes_at_once_get_one_answer_and_leave_one_living_family")),
    ("E03", Test("attack_e03_a_refresh_by_another_client_for_more_or_elsewhere_changes_nothing")),
    ("E04", Test("attack_e04_a_client_proves_itself_in_the_way_it_registered_and_in_no_other")),
    ("E05", Test("attack_e05_every_assertion_that_is_not_for_us_here_and_now_is_refused")),
    ("E07", Test("attack_e07_a_code_or_token_that_somebody_made_up_opens_nothing_and_ends_nothing")),
    ("E08", Test("attack_e08_a_token_that_is_not_one_or_is_no_more_is_not_exchanged")),
    ("E09", Test("attack_e09_codes_cannot_be_guessed_and_a_wrong_one_says_nothing")),
    ("E10", Test("attack_e10_a_suspended_client_gets_nothing_by_any_grant")),
    ("E11", Test("attack_e11_a_token_says_nothing_to_those_it_does_not_concern")),
    ("E13", Test("attack_e13_nothing_that_is_under_way_is_swept_from_under_a_person")),
    ("F01", Test("f01_the_algorithm_is_our_keys_and_never_the_headers_word")),
    ("F03", Test("attack_f03_a_token_of_one_kind_is_never_taken_for_another")),
    ("F04", Test("attack_f04_invented_key_ids_fetch_nothing_more_than_once_a_minute")),
    ("F06", Test("f06_tokens_are_issued_and_accepted_without_a_gap_while_keys_of_every_kind_take_over")),
    ("F07", Test("f07_a_private_key_moved_to_another_row_does_not_open")),
    ("G01", Test("g01_a_token_for_somebody_else_opens_nothing")),
    ("G02", Test("g02_a_foreign_host_origin_or_simple_post_reaches_nothing")),
    ("G05", Test("g05_a_header_of_a_gateway_makes_nobody_anybody")),
    ("G06", Test("g06_no_older_path_or_method_skips_the_check")),
    ("G07", Test("g07_what_is_safe_on_one_machine_only_does_not_start_on_a_network")),
    ("H02", Later("no tool is made from an OpenAPI document yet")),
    ("H04", Later("no tool comes from another server yet, so none can change after it was approved")),
    ("H05", Later("no text comes from another server's tools yet; names of clients are D03")),
    ("H07", Test("h07_what_is_not_listed_is_not_called_and_the_other_way_round")),
    ("H08", Later("no other server is called yet, so none sends challenges or addresses")),
    ("H09", Test("h09_a_tool_never_sees_the_callers_token")),
    ("H10", Later("no token of another server is kept yet, so none is refreshed")),
    ("H11", Test("attack_h11_a_yes_for_one_call_runs_no_other")),
    ("I01", Test("attack_i01_nobody_but_an_administrator_ends_a_client_and_no_link_does")),
    ("I02", Test("attack_i02_whatever_ends_on_one_node_is_soon_refused_on_another")),
    ("I04", Test("i04_without_a_database_nothing_is_granted_and_nobody_is_told_to_sign_in_again")),
    ("I05", Test("i05_a_deleted_account_leaves_nothing_that_opens")),
    ("J01", Test("j01_endless_headers_and_smuggled_requests_are_refused")),
    ("J03", Test("j03_a_known_hole_in_a_dependency_stops_the_build")),
];

/// The defects of the server that this one replaces, by their numbers, and its published vulnerabilities.
const DEFECTS: [&str; 16] = [
    "backstage_01_",
    "backstage_02_",
    "backstage_03_",
    "backstage_04_",
    "backstage_05_",
    "backstage_06_",
    "backstage_07_",
    "backstage_08_",
    "backstage_09_",
    "backstage_10_",
    "backstage_11_",
    "backstage_12_",
    "backstage_13_",
    "backstage_14_",
    "backstage_cve_2026_32235_",
    "backstage_cve_2026_32236_",
];

/// The names of all functions in the tests and the sources.
fn functions() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("tests"), root.join("src")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(path).unwrap();
                let name = |line: &str| Some(line.trim().split_once("fn ")?.1.split_once('(')?.0.to_owned());
                found.extend(text.lines().filter(|line| !line.trim().starts_with("//")).filter_map(name));
            }
        }
    }
    found
}

/// The row that a test is named after: `attack_a01_…` or `a01_…`.
fn row_of(name: &str) -> Option<String> {
    let name = name.strip_prefix("attack_").unwrap_or(name);
    let row = name.get(..3).filter(|_| name.as_bytes().get(3) == Some(&b'_'))?;
    let mut letters = row.chars();
    let is_row = ('a'..='j').contains(&letters.next()?) && letters.all(|c| c.is_ascii_digit());
    is_row.then(|| row.to_uppercase())
}

#[test]
fn each_attack_on_the_list_has_a_test_named_after_it_or_a_reason() {
    let functions = functions();
    for (id, row) in ROWS {
        match row {
            Test(name) => {
                assert!(functions.contains(*name), "{id}: no test is named {name}");
                assert_eq!(row_of(name).as_deref(), Some(*id), "{name} is not named after {id}");
            }
            Later(reason) => assert!(reason.len() > 20, "{id} has neither a test nor a reason"),
        }
    }
}

#[test]
fn each_test_that_is_named_after_an_attack_is_of_one_on_the_list() {
    let listed: BTreeSet<&str> = ROWS.iter().map(|(id, _)| *id).collect();
    assert_eq!(listed.len(), ROWS.len(), "one of them is there twice");
    for name in functions() {
        if let Some(row) = row_of(&name) {
            assert!(listed.contains(row.as_str()), "{name} is named after {row}, which is not on the list");
        }
        // What was put off is no longer, once there is a test.
        let put_off =
            |(id, row): &&(&str, Row)| matches!(row, Later(_)) && row_of(&name).as_deref() == Some(*id);
        assert!(!ROWS.iter().any(|row| put_off(&row)), "{name}: its row has a reason and not a test");
    }
}

#[test]
fn each_defect_that_was_found_has_a_test_of_its_number() {
    let functions = functions();
    for defect in DEFECTS {
        assert_eq!(functions.iter().filter(|name| name.starts_with(defect)).count(), 1, "{defect}");
    }
}
