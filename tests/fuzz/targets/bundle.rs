//! Bundles, and the images in them: tar, index, manifest, layers.
#![no_main]

use gadget_registry::bundle::Bundle;
use gadget_registry::image::Image;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(bundle) = Bundle::parse(bytes) else { return };
    for link in bundle.images().values() {
        let _ = Image::open(&bundle, &link.digest, "amd64");
    }
});
