use serde_json::json;

use super::*;

fn scope() -> Scope {
    let names = json!({
        "parameters": {
            "n": 3, "yes": true, "no": false, "list": ["a", "b"], "object": {"k": 1}, "nothing": null, "five": "5",
            "name": "shop", "empty": "", "none": [], "html": "<b>&</b>", "repo": "github.com?owner=acme&repo=shop",
        },
        "steps": {"publish": {"output": {"remoteUrl": "https://x", "deep": {"a": [1, {"b": 2}]}}}},
        "user": {"ref": "user:default/ada", "entity": {"metadata": {"name": "ada"}}},
        "each": {"key": 0, "value": {"x": "y"}},
        "secrets": {"T": "s3cret"},
    });
    Scope::new(names.as_object().unwrap().clone())
}

fn table(rows: &[(&str, Option<Value>)]) {
    for (text, expected) in rows {
        assert_eq!(evaluate(text, &scope()).as_ref(), Ok(expected), "{text}");
    }
}

/// Backstage's truth table: what is one expression keeps its type; what is missing is not there.
#[test]
fn one_expression_keeps_its_type() {
    table(&[
        ("${{ parameters.n }}", Some(json!(3))),
        ("${{parameters.n}}", Some(json!(3))),
        ("${{- parameters.n -}}", Some(json!(3))),
        ("${{ parameters.yes }}", Some(json!(true))),
        ("${{ parameters.list }}", Some(json!(["a", "b"]))),
        ("${{ parameters.object }}", Some(json!({"k": 1}))),
        ("${{ parameters.nothing }}", Some(json!(null))),
        ("${{ parameters.five }}", Some(json!("5"))),
        ("${{ parameters.missing }}", None),
        ("${{ parameters.missing.deep.er }}", None),
        ("${{ parameters.name if parameters.yes }}", Some(json!("shop"))),
        ("${{ parameters.name if parameters.no }}", Some(json!(""))),
        ("${{ parameters.name if parameters.no else '.' }}", Some(json!("."))),
        ("${{ parameters.missing if parameters.yes else 1 }}", None),
        ("${{ secrets.USER_OAUTH_TOKEN or false }}", Some(json!(false))),
        ("${{ secrets.T or false }}", Some(json!("s3cret"))),
        ("${{ parameters.name === 'shop' }}", Some(json!(true))),
        ("${{ parameters.yes !== true }}", Some(json!(false))),
        ("${{ parameters.name == '===' }}", Some(json!(false))),
        ("${{ not parameters.no and parameters.n > 2 }}", Some(json!(true))),
        ("${{ parameters.list.length }}", Some(json!(2))),
        ("${{ parameters.missing.length }}", None),
        ("${{ parameters.n / 1 }}", Some(json!(3))),
        ("${{ parameters.n * 2 + 1 }}", Some(json!(7))),
        ("${{ steps.publish.output.remoteUrl }}", Some(json!("https://x"))),
        ("${{ steps['publish'].output.deep.a[1].b }}", Some(json!(2))),
        ("${{ {'a': {'b': 1}} }}", Some(json!({"a": {"b": 1}}))),
        ("${{ each.value.x }}", Some(json!("y"))),
        ("${{ user.entity.metadata.name }}", Some(json!("ada"))),
        ("${{ 'a' in parameters.list }}", Some(json!(true))),
    ]);
}

#[test]
fn within_a_text_everything_is_text_as_javascript_writes_it() {
    table(&[
        ("plain", Some(json!("plain"))),
        ("{{ parameters.n }} $ {x}", Some(json!("{{ parameters.n }} $ {x}"))),
        ("a ${{ parameters.n }}", Some(json!("a 3"))),
        ("${{ parameters.n }} ", Some(json!("3 "))),
        ("${{ parameters.n }}${{ parameters.yes }}", Some(json!("3true"))),
        ("x ${{ parameters.list }}", Some(json!("x a,b"))),
        ("x ${{ parameters.object }}", Some(json!("x [object Object]"))),
        ("x${{ parameters.missing }}", Some(json!("x"))),
        ("x${{ parameters.missing.deep }}", Some(json!("x"))),
        ("x${{ parameters.nothing }}", Some(json!("x"))),
        ("x${{ parameters.name if parameters.no }}", Some(json!("x"))),
        ("x ${{ parameters.html }}", Some(json!("x <b>&</b>"))),
        ("{% if parameters.yes %}y{% else %}n{% endif %}", Some(json!("y"))),
        ("{% if parameters.no %}a{% elseif parameters.yes %}b{% endif %}", Some(json!("b"))),
        ("{% for x in parameters.list %}${{ x }};{% endfor %}{# gone #}", Some(json!("a;b;"))),
        ("${{ '}}' }}!", Some(json!("}}!"))),
        ("${{ \"it's\" }}.", Some(json!("it's."))),
        ("a\n${{ parameters.name }}\n", Some(json!("a\nshop\n"))),
    ]);
}

#[test]
fn filters_are_backstage_s_and_nunjucks_s() {
    table(&[
        (
            "${{ parameters.repo | parseRepoUrl }}",
            Some(json!({"host": "github.com", "owner": "acme", "repo": "shop"})),
        ),
        ("${{ (parameters.repo | parseRepoUrl).owner }}", Some(json!("acme"))),
        ("${{ parameters.repo | parseRepoUrl | pick('repo') }}", Some(json!("shop"))),
        ("${{ parameters.repo | projectSlug }}", Some(json!("acme/shop"))),
        (
            "${{ 'component:default/Shop' | parseEntityRef }}",
            Some(json!({"kind": "component", "namespace": "default", "name": "Shop"})),
        ),
        ("${{ 'group:team/x' | parseEntityRef | pick('namespace') }}", Some(json!("team"))),
        (
            "${{ 'x' | parseEntityRef({defaultKind: 'User'}) }}",
            Some(json!({"kind": "User", "namespace": "default", "name": "x"})),
        ),
        ("${{ parameters.name | upper }}", Some(json!("SHOP"))),
        ("${{ parameters.name | capitalize }}", Some(json!("Shop"))),
        ("${{ parameters.list | join(', ') }}", Some(json!("a, b"))),
        ("${{ parameters.name | replace('s', 'S') }}", Some(json!("Shop"))),
        ("${{ parameters.missing | default('d') }}", Some(json!("d"))),
        ("${{ parameters.empty | default('d', true) }}", Some(json!("d"))),
        ("${{ parameters.object | dump }}", Some(json!("{\"k\":1}"))),
        ("${{ parameters.list | first }}", Some(json!("a"))),
        ("${{ parameters.list | last }}", Some(json!("b"))),
        ("${{ parameters.list | length }}", Some(json!(2))),
        ("${{ '  x ' | trim }}", Some(json!("x"))),
        ("${{ ['b', 'a'] | sort }}", Some(json!(["a", "b"]))),
        ("${{ '7' | int }}", Some(json!(7))),
        ("${{ parameters.n | string }}", Some(json!("3"))),
        ("${{ 'a b' | urlencode }}", Some(json!("a%20b"))),
        ("${{ 'one two three' | truncate(8) }}", Some(json!("one two..."))),
        ("${{ 'A-b'.toLowerCase() }}", Some(json!("a-b"))),
        ("${{ 'a/b'.split('/') }}", Some(json!(["a", "b"]))),
        ("${{ parameters.list.includes('b') }}", Some(json!(true))),
    ]);
}

#[test]
fn members_without_a_value_are_left_out() {
    let input = json!({
        "keep": "${{ parameters.n }}", "gone": "${{ parameters.missing }}", "list": ["${{ parameters.missing }}", 1],
        "${{ parameters.name }}": {"deep": "${{ parameters.list }}"}, "null": null,
    });
    let expected = json!({
        "keep": 3, "list": [null, 1], "${{ parameters.name }}": {"deep": ["a", "b"]}, "null": null,
    });
    assert_eq!(fill(&input, &scope()), Ok(Some(expected)));
}

#[test]
fn what_cannot_be_read_is_a_fault_that_says_where() {
    for (text, part) in [
        ("${{ parameters.n | nosuch }}", "nosuch"),
        ("${{ parameters.n", "cannot be filled in"),
        ("{% if parameters.n %}x", "cannot be filled in"),
        ("${{ 1 + }}", "cannot be filled in"),
        ("${{ 'shop' | parseEntityRef }}", "kind"),
        ("${{ 'no url' | parseRepoUrl }}", "invalid repo URL"),
        ("${{ parameters.name.nosuch() }}", "nosuch"),
    ] {
        let fault = evaluate(text, &scope()).unwrap_err();
        assert!(fault.0.contains(part), "{text}: {fault}");
    }
}

#[test]
fn what_is_truthy_is_what_backstage_says() {
    for (value, expected) in [
        (None, false),
        (Some(json!(null)), false),
        (Some(json!(false)), false),
        (Some(json!(0)), false),
        (Some(json!("")), false),
        (Some(json!([])), false),
        (Some(json!("false")), true),
        (Some(json!({})), true),
        (Some(json!([0])), true),
        (Some(json!(-1)), true),
    ] {
        assert_eq!(is_truthy(value.as_ref()), expected, "{value:?}");
    }
    assert_eq!(evaluate("${{ failure() }}", &scope().failed(true)), Ok(Some(json!(true))));
    assert_eq!(evaluate("${{ failure() }}", &scope()), Ok(Some(json!(false))));
    assert_eq!(evaluate("${{ always() }}", &scope()), Ok(Some(json!(true))));
    assert!(asks_for_failure("${{ always() and x }}") && asks_for_failure("${{ failure( ) }}"));
    assert!(!asks_for_failure("${{ parameters.always }}"));
}

/// Server-side template injection: an expression reaches what its scope holds, and nothing of the server.
#[test]
fn attack_an_expression_reads_no_file_no_environment_and_no_internals() {
    for text in [
        "{% include '/etc/passwd' %}",
        "{% import '/etc/passwd' as x %}${{ x }}",
        "{% extends '/etc/passwd' %}",
        "${{ include('/etc/passwd') }}",
        "${{ env('HOME') }}",
        "${{ range.constructor('return process')() }}",
        "${{ ''.__class__.__mro__() }}",
        "${{ cycler.__init__.__globals__.os.popen('id') }}",
        "{% macro m() %}x{% endmacro %}",
    ] {
        assert!(evaluate(text, &scope()).is_err(), "{text}: {:?}", evaluate(text, &scope()));
    }
    for text in
        ["${{ process.env.HOME }}", "${{ env.HOME }}", "${{ ''.__class__ }}", "${{ self }}", "${{ this }}"]
    {
        assert_eq!(evaluate(text, &scope()), Ok(None), "{text}");
    }
    let dumped = evaluate("x${{ debug }}", &scope()).unwrap().unwrap();
    assert_eq!(dumped, json!("x"));
}

/// A template that never ends, and one that makes what no memory holds.
#[test]
fn attack_an_expression_that_loops_or_grows_for_ever_ends_at_once() {
    let began = std::time::Instant::now();
    let doubling =
        "{% set a = 'xxxxxxxxxxxxxxxx' %}".to_owned() + &"{% set a = a ~ a %}".repeat(60) + "${{ a }}";
    let nested = "{% for a in range(9999) %}".repeat(5) + "x" + &"{% endfor %}".repeat(5);
    let deep = format!("${{{{ {}1{} }}}}", "(".repeat(5_000), ")".repeat(5_000));
    let lists = format!("${{{{ {}{} }}}}", "[".repeat(5_000), "]".repeat(5_000));
    for text in [
        doubling.as_str(),
        nested.as_str(),
        deep.as_str(),
        lists.as_str(),
        "${{ range(1000000000) | list }}",
        "${{ 'x' * 4000000000 }}",
        "${{ ('x' * 100000).split('') | join('y' * 1000) | replace('x', 'z' * 100000) }}",
        "${{ ('x' * 100000).split('').join('y' * 100000) }}",
        "${{ ('x' * 1000000).replace('', 'y' * 1000000) | replace('', 'y' * 1000000) }}",
        "{% for a in [1] recursive %}${{ loop([1]) }}{% endfor %}",
        "{% set ns = namespace(x='xxxxxxxx') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    ] {
        let found = evaluate(text, &scope());
        assert!(found.is_err(), "{}", &text[..text.len().min(80)]);
    }
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    let long = format!("${{{{ 1 }}}}{}", " ".repeat(limits::SCAFFOLDER_TEXT_BYTES_MAX));
    assert!(evaluate(&long, &scope()).is_err());
}
