//! Makes the messages and the service of `gadgetry.v1` from its definition.

fn main() {
    let file = "gadgetry/v1/control.proto";
    println!("cargo::rerun-if-changed=proto");
    let definition = protox::compile([file], ["proto"]).expect("the definition is valid");
    tonic_prost_build::configure()
        .bytes(".gadgetry.v1.Rows.lines")
        .compile_fds(definition)
        .expect("the code can be written");
}
