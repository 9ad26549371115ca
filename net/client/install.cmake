# `cmake --install`: <berth/client.h>, libberth-client, find_package(berth) and pkg-config.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(BERTH_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/berth)

# Its users see the headers and libuv at run time; wire, streams and FlatBuffers stay inside.
add_library(berth_client_shared SHARED $<TARGET_OBJECTS:berth_client_objects>)
target_link_libraries(berth_client_shared PRIVATE berth_net_base Threads::Threads)
target_link_options(berth_client_shared PRIVATE -Wl,--exclude-libs,ALL)
if(NOT BERTH_SANITIZE)
  # What sanitizers call is in the program alone.
  target_link_options(berth_client_shared PRIVATE -Wl,--no-undefined)
endif()
set_target_properties(berth_client_shared PROPERTIES
  OUTPUT_NAME berth-client
  EXPORT_NAME client
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

add_library(berth_client_static STATIC
  $<TARGET_OBJECTS:berth_client_objects>
  $<TARGET_OBJECTS:berth_net_base>
  $<TARGET_OBJECTS:berth_wire>)
target_link_libraries(berth_client_static PUBLIC PkgConfig::LIBUV Threads::Threads)
set_target_properties(berth_client_static PROPERTIES
  OUTPUT_NAME berth-client
  EXPORT_NAME client_static)

foreach(library berth_client_shared berth_client_static)
  target_compile_features(${library} INTERFACE cxx_std_20)
  target_include_directories(${library} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()

# Two sets: the static library needs libuv's development files, the shared one does not.
install(TARGETS berth_client_shared EXPORT berthTargets)
install(TARGETS berth_client_static EXPORT berthStaticTargets)
install(EXPORT berthTargets NAMESPACE berth:: DESTINATION ${BERTH_CMAKE_DIR})
install(EXPORT berthStaticTargets NAMESPACE berth:: DESTINATION ${BERTH_CMAKE_DIR})
install(FILES client.h job_types.h plan_types.h result.h types.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/berth)

configure_package_config_file(
  berthConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/berthConfig.cmake
  INSTALL_DESTINATION ${BERTH_CMAKE_DIR})
write_basic_package_version_file(
  ${CMAKE_CURRENT_BINARY_DIR}/berthConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(
  FILES
    ${CMAKE_CURRENT_BINARY_DIR}/berthConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/berthConfigVersion.cmake
  DESTINATION ${BERTH_CMAKE_DIR})

# From the file itself to the prefix, so that an installed tree may be moved.
file(RELATIVE_PATH BERTH_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(berth.pc.in ${CMAKE_CURRENT_BINARY_DIR}/berth.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/berth.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
