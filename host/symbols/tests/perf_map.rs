//! Code that a process makes while it runs has the names that its perf map gives it.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use gadgetry_symbols::Symbols;

/// Maps memory that can be run, as a just-in-time compiler does, writes the perf map, and tells the address.
const COMPILER: &str = r"
import mmap, os, sys, ctypes
shared, memfd = sys.argv[1] == 'shared', sys.argv[1] == 'memfd'
file = os.memfd_create('jit') if memfd else -1
if memfd:
    os.ftruncate(file, 4096)
flags = mmap.MAP_SHARED if shared or memfd else mmap.MAP_PRIVATE
if not memfd:
    flags |= mmap.MAP_ANONYMOUS
code = mmap.mmap(file, 4096, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
start = ctypes.addressof(ctypes.c_char.from_buffer(code))
path = f'/tmp/perf-{os.getpid()}.map'
with open(path, 'w') as file:
    file.write(f'{start:x} 40 JS:~compiled app.js:1\n')
print(f'{start:x}', flush=True)
sys.stdin.read()
os.unlink(path)
";

#[test]
fn compiled_code_has_the_names_of_its_perf_map() {
    // Behind the code lies memory that nothing is said of, but where it is.
    for (memory, behind) in
        [("private", ""), ("shared", "[zero (deleted)]"), ("memfd", "[memfd:jit (deleted)]")]
    {
        let mut compiler = Command::new("python3")
            .args(["-c", COMPILER, memory])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test needs Python");
        let mut line = String::new();
        BufReader::new(compiler.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let start = u64::from_str_radix(line.trim(), 16).expect("an address");
        let names = Symbols::new().resolve(Some(compiler.id()), &[start + 0x3f, start + 0x40]);
        drop(compiler.stdin.take());
        assert!(compiler.wait().unwrap().success());
        assert_eq!(names, ["JS:~compiled app.js:1", behind], "{memory}");
    }
}
