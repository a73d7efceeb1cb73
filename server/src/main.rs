//! The binary `scrip`: one server, one toolbox. See README.md.

mod data_directory;
mod serve;
mod settings;
mod tokens;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let settings = settings::Settings::load(None, &settings::SettingFlags::default()).unwrap();
    serve::serve(&settings, |ready| println!("{ready:?}")).unwrap();
}
