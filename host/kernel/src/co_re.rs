//! Objects compiled by clang carry relocations for the kernel structs they read. aya applies them at load, and for
//! that needs the kernel's types parsed in full. Here they are applied once, when a gadget is prepared, and written
//! into the object's bytes; the parsed types go away again, and a load needs none.

use aya::Btf;
use aya_obj::Object as LoadedObject;
use aya_obj::generated::bpf_insn;
use object::read::elf::ElfFile64;
use object::{LittleEndian, Object, ObjectSection, SectionIndex};

use crate::refusal::causes;

/// Bytes of an instruction.
const INSTRUCTION: usize = 8;
/// Where `.BTF.ext` says how long its relocations are.
const CORE_RELO_LEN: usize = 28;

/// Applies the relocations to `bytes`, if there are any; `kernel` is asked for only then.
///
/// What is wrong comes back as text: it is the object's fault or the kernel's lack, and there is nothing to decide on.
pub(crate) fn resolve(bytes: &mut [u8], kernel: impl FnOnce() -> Result<Btf, String>) -> Result<(), String> {
    let mut object = LoadedObject::parse(bytes).map_err(|error| causes(&error))?;
    if !object.has_btf_relocations() {
        return Ok(());
    }
    object.relocate_btf(&kernel()?).map_err(|error| causes(&error))?;
    let file = ElfFile64::<LittleEndian>::parse(&*bytes).map_err(|error| error.to_string())?;
    let range = |section: &object::read::elf::ElfSection64<'_, '_, LittleEndian>| {
        let (at, len) = section.file_range()?;
        Some((usize::try_from(at).ok()?, usize::try_from(len).ok()?))
    };
    let mut patches = Vec::new();
    for function in object.functions.values() {
        let section = file.section_by_index(SectionIndex(function.section_index.0));
        let place = section.ok().and_then(|section| range(&section));
        let (at, len) = place.ok_or("a function lies in no section of the file")?;
        let code = function.instructions.iter().flat_map(|it| encode(*it)).collect::<Vec<u8>>();
        if function.section_offset.checked_add(code.len()).is_none_or(|end| end > len) {
            return Err(format!("function `{}` is larger than its section", function.name));
        }
        patches.push((at + function.section_offset, code));
    }
    let ext = file.section_by_name(".BTF.ext").and_then(|section| range(&section));
    let (ext, len) = ext.ok_or("it has relocations but no section `.BTF.ext`")?;
    if len >= CORE_RELO_LEN + 4 {
        patches.push((ext + CORE_RELO_LEN, vec![0; 4]));
    }
    for (at, patch) in patches {
        let place = bytes.get_mut(at..at + patch.len());
        place.ok_or("a section lies outside of the file")?.copy_from_slice(&patch);
    }
    Ok(())
}

fn encode(instruction: bpf_insn) -> [u8; INSTRUCTION] {
    let registers = instruction.dst_reg() | (instruction.src_reg() << 4);
    let [o0, o1] = instruction.off.to_le_bytes();
    let [i0, i1, i2, i3] = instruction.imm.to_le_bytes();
    [instruction.code, registers, o0, o1, i0, i1, i2, i3]
}
