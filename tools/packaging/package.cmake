# The Debian package: `cpack -G DEB` in a build folder. Included last, when every install rule is known.

# For the package alone: `cmake --install` into a prefix must not write outside of it.
set(PACKAGING ${CMAKE_CURRENT_LIST_DIR})
install(FILES
  ${PACKAGING}/berthd.service
  ${PACKAGING}/berth-agent.service
  ${PACKAGING}/berth-tasks.service
  DESTINATION lib/systemd/system COMPONENT system EXCLUDE_FROM_ALL)
install(FILES ${PACKAGING}/berth-agent.sysusers DESTINATION lib/sysusers.d RENAME berth-agent.conf
  COMPONENT system EXCLUDE_FROM_ALL)
install(FILES ${PACKAGING}/berthd.toml DESTINATION /etc/berth COMPONENT system EXCLUDE_FROM_ALL)
install(FILES ${PACKAGING}/berth-agent.default DESTINATION /etc/default RENAME berth-agent
  COMPONENT system EXCLUDE_FROM_ALL)
install(FILES
  ${PROJECT_SOURCE_DIR}/README.md
  ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  ${PROJECT_SOURCE_DIR}/docs/operations.md
  ${PROJECT_SOURCE_DIR}/docs/metrics.md
  ${PACKAGING}/prometheus-alerts.yml
  ${PACKAGING}/grafana-dashboard.json
  DESTINATION share/doc/berth COMPONENT system EXCLUDE_FROM_ALL)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/berth RENAME copyright
  COMPONENT system EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME berth)
set(CPACK_PACKAGE_VENDOR "Berth")
set(CPACK_PACKAGE_CONTACT "Berth maintainers <root@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Task scheduler: finds every task a place to run")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Without it an agent runs processes and sandboxes, and says that containers do not work.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS runc)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS docker.io)
# Its own libraries are in the package, so dpkg-shlibdeps has to look for them there.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/net)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${PACKAGING}/conffiles
  ${PACKAGING}/postinst
  ${PACKAGING}/prerm
  ${PACKAGING}/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
