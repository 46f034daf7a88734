//! The protocol's inspector on the real catalogue: every definition works with every client and model that it knows
//! the limits of, in both ways of showing gadgets and in both eras.

use gadgetry_tests::host::Host;
use gadgetry_tests::suite;

#[test]
fn definitions_are_portable() {
    let binary = Host::binary().display().to_string();
    for mode in ["--tool-mode=full", "--tool-mode=compact"] {
        for era in ["legacy", "modern"] {
            let host = Host::new();
            let environment: Vec<_> = host
                .environment()
                .into_iter()
                .flat_map(|(name, value)| ["-e".to_owned(), format!("{name}={value}")])
                .collect();
            let mut arguments = vec!["--cli", &binary, "mcp", mode];
            arguments.extend(environment.iter().map(String::as_str));
            arguments.extend([
                "--method",
                "tools/list",
                "--strict",
                "--protocol-era",
                era,
                "--format",
                "json",
            ]);
            let output = suite::inspector(&arguments);
            let (out, error) =
                (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.status.code(), Some(0), "{mode} {era}: {out}\n{error}");
            let tool = if mode.ends_with("full") { "snapshot_process" } else { "run_gadget" };
            assert!(out.contains(tool), "{mode} {era}: {out}");
        }
    }
}
