//! Taking what only a debugger reads out of an eBPF object. The compiler must emit DWARF for the linker to make BTF
//! from it; afterwards it is ten times the size of everything else.

use object::build::elf::{Builder, SectionData};
use object::elf::SHT_STRTAB;

/// The object without its debugging sections.
pub(super) fn strip(bytes: &[u8]) -> Result<Vec<u8>, object::build::Error> {
    let mut object = Builder::read(bytes)?;
    for section in object.sections.iter_mut() {
        let name = section.name.as_slice();
        let debug = [&b".debug_"[..], b".rel.debug_", b".comment"];
        section.delete |= debug.iter().any(|start| name.starts_with(start));
    }
    object.delete_orphans();
    // LLVM keeps the names of sections and symbols in one table; the writer wants one for each.
    if !object.sections.iter().any(|section| matches!(section.data, SectionData::SectionString)) {
        let names = object.sections.add();
        names.name = ".shstrtab".into();
        names.sh_type = SHT_STRTAB;
        names.sh_addralign = 1;
        names.data = SectionData::SectionString;
    }
    let mut out = Vec::new();
    object.write(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::KernelObject;

    #[test]
    fn what_matters_stays() {
        let object = include_bytes!("../../tests/fixtures/counter.bpf.o");
        let stripped = strip(object).unwrap();
        assert!(
            object.windows(7).any(|it| it == b".debug_") && !stripped.windows(7).any(|it| it == b".debug_")
        );
        let (before, after) = (KernelObject::parse(object).unwrap(), KernelObject::parse(&stripped).unwrap());
        assert_eq!((before.programs, before.maps, before.btf), (after.programs, after.maps, after.btf));
        assert_eq!(Vec::from_iter(before.rodata.keys()), Vec::from_iter(after.rodata.keys()));
        assert!(strip(b"garbage").is_err());
    }
}
