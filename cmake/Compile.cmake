# Flags shared by every target, and the allocator and sanitizer choices.
add_library(berth_compile INTERFACE)
target_include_directories(berth_compile INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
# GCC 12 warns of overlaps that cannot be when strings are added up (its bug 105651).
target_compile_options(berth_compile INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
# Designated initializers leave fields at their defaults on purpose; GCC warns of each one left out.
target_compile_options(berth_compile INTERFACE
  -Wall -Wextra $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local> -Wnon-virtual-dtor -Wno-missing-field-initializers -Werror=return-type)
if(NOT BERTH_SANITIZE STREQUAL "")
  # Findings name the line they are in.
  add_compile_options(-g1)
  add_compile_definitions(BERTH_SANITIZED)
endif()
if(BERTH_SANITIZE STREQUAL "address")
  # `vptr` looks at objects through a pipe, and takes one that cannot be opened for a finding: there are tests
  # in which descriptors run out.
  add_compile_options(-O1 -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(BERTH_SANITIZE STREQUAL "thread")
  add_compile_options(-O1 -fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(NOT BERTH_SANITIZE STREQUAL "")
  message(FATAL_ERROR "BERTH_SANITIZE is address, thread or empty, not '${BERTH_SANITIZE}'")
endif()
if(BERTH_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang OR NOT BERTH_SANITIZE STREQUAL "address")
    message(FATAL_ERROR "BERTH_FUZZ needs clang and the sanitizers: "
      "configure with CC=clang CXX=clang++ and -DBERTH_SANITIZE=address")
  endif()
  # Everything is instrumented, so that the fuzzer sees its way through the libraries too.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Linked by programs alone; a library must not choose its user's allocator.
add_library(berth_allocator INTERFACE)
if(NOT BERTH_SANITIZE STREQUAL "" OR BERTH_ALLOCATOR STREQUAL "system")
elseif(BERTH_ALLOCATOR STREQUAL "mimalloc")
  find_package(mimalloc CONFIG REQUIRED)
  # Nothing calls the allocator by name, so without --no-as-needed the linker drops it.
  target_link_libraries(berth_allocator INTERFACE -Wl,--no-as-needed mimalloc -Wl,--as-needed)
elseif(BERTH_ALLOCATOR STREQUAL "jemalloc")
  pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)
  target_link_libraries(berth_allocator INTERFACE -Wl,--no-as-needed PkgConfig::JEMALLOC -Wl,--as-needed)
else()
  message(FATAL_ERROR "BERTH_ALLOCATOR is mimalloc, jemalloc or system, not '${BERTH_ALLOCATOR}'")
endif()

# popcnt and its like, in every x86-64 server since 2009. `native` or x86-64-v3 gain a few per cent.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  set(BERTH_ARCH x86-64-v2 CACHE STRING "The -march of the build")
  target_compile_options(berth_compile INTERFACE -march=${BERTH_ARCH})
endif()

# GCC clears and copies structs of a hundred bytes and more with `rep stos` and `rep movs`, which take longer
# to begin than to run: a placement met six of them, of 3 to 8 ns each. Moves of 16 bytes do it in less.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(BERTH_STRUCT_MOVES
    -mmemset-strategy=vector_loop:512:noalign,libcall:-1:noalign
    -mmemcpy-strategy=vector_loop:512:noalign,libcall:-1:noalign)
endif()

# Inlined across source files a placement is a tenth faster. Only core and the server are compiled for
# it, and only programs are linked with it: tests take the machine code that the objects hold as well,
# which is why they are "fat". What the SDK is made of must not hold code of one compiler's version.
option(BERTH_LTO "Optimise the programs across source files (Release with GCC)" ON)
add_library(berth_lto INTERFACE)      # for the libraries, PRIVATE
add_library(berth_no_lto INTERFACE)   # for tests
if(BERTH_LTO AND CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU"
   AND BERTH_SANITIZE STREQUAL "")
  target_compile_options(berth_lto INTERFACE -flto -ffat-lto-objects)
  target_link_options(berth_allocator INTERFACE -flto=auto -O3 ${BERTH_STRUCT_MOVES})
  target_link_options(berth_no_lto INTERFACE -fno-lto)
endif()
