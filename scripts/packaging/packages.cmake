# What the three Debian packages hold, and how CPack makes them; scripts/package runs it. Nothing here is
# built otherwise: the target package-files makes what is generated.
set(packaging ${CMAKE_CURRENT_LIST_DIR})
set(generated ${CMAKE_BINARY_DIR}/package-files)
set(package_files)

# What is executed there came through the network: no addresses known beforehand, no writable tables.
foreach(program docket-master docket-agent docket)
  target_link_options(${program} PRIVATE LINKER:-z,relro,-z,now)
endforeach()

# package_file(OUTPUT COMMAND… DEPENDS …): a generated file is the command's standard output.
function(package_file output)
  cmake_parse_arguments(arg "" "" "COMMAND;DEPENDS" ${ARGN})
  add_custom_command(OUTPUT ${generated}/${output}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${generated}
    COMMAND ${arg_COMMAND} > ${generated}/${output}.half
    COMMAND ${CMAKE_COMMAND} -E rename ${generated}/${output}.half ${generated}/${output}
    DEPENDS ${arg_DEPENDS} VERBATIM)
  set(package_files ${package_files} ${generated}/${output} PARENT_SCOPE)
endfunction()

# What every package of Debian has: the program, its manual page, copyright and changelog.
function(package_program program component section folder)
  set(page ${program}.${section})
  package_file(${page}
    COMMAND python3 -B ${packaging}/man_page.py $<TARGET_FILE:${program}> ${section} ${packaging}/${page}.more
    DEPENDS ${program} ${packaging}/man_page.py ${packaging}/${page}.more)
  package_file(${page}.gz COMMAND gzip -9nc ${generated}/${page} DEPENDS ${generated}/${page})
  package_file(${program}.changelog.gz COMMAND gzip -9nc ${generated}/${program}.changelog
    DEPENDS ${generated}/${program}.changelog)
  set(DOCKET_PACKAGE ${program})
  configure_file(${packaging}/changelog.in ${generated}/${program}.changelog @ONLY)
  install(TARGETS ${program} DESTINATION ${folder} COMPONENT ${component})
  install(FILES ${generated}/${page}.gz DESTINATION share/man/man${section} COMPONENT ${component})
  install(FILES ${generated}/copyright DESTINATION share/doc/${program} COMPONENT ${component})
  install(FILES ${generated}/${program}.changelog.gz DESTINATION share/doc/${program}
    RENAME changelog.Debian.gz COMPONENT ${component})
  set(package_files ${package_files} PARENT_SCOPE)
endfunction()

# And what a service has: unit, user, settings, maintainer scripts.
function(package_service program component)
  install(FILES ${packaging}/${program}.service DESTINATION /lib/systemd/system COMPONENT ${component})
  install(FILES ${packaging}/${program}.sysusers DESTINATION lib/sysusers.d
    RENAME ${program}.conf COMPONENT ${component})
  install(FILES ${packaging}/${component}.toml DESTINATION /etc/docket COMPONENT ${component})
  set(DOCKET_PACKAGE ${program})
  set(DOCKET_DATA /var/lib/docket/${component})
  set(DOCKET_CONFIG /etc/docket/${component}.toml)
  set(scripts)
  foreach(script postinst prerm postrm conffiles)
    configure_file(${packaging}/${script}.in ${generated}/${program}/${script} @ONLY
      FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    list(APPEND scripts ${generated}/${program}/${script})
  endforeach()
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA "${scripts}" PARENT_SCOPE)
endfunction()

package_file(copyright
  COMMAND cat ${packaging}/copyright ${PROJECT_SOURCE_DIR}/LICENSE ${packaging}/copyright-headers
    /usr/share/doc/nlohmann-json3-dev/copyright /usr/share/doc/libcli11-dev/copyright
    /usr/share/doc/libmsgpack-cxx-dev/copyright /usr/share/doc/cppzmq-dev/copyright
  DEPENDS ${packaging}/copyright ${PROJECT_SOURCE_DIR}/LICENSE ${packaging}/copyright-headers)

package_program(docket-master master 8 sbin)
set(DOCKET_FIRST_START "starts it")
set(DOCKET_ENABLED "deb-systemd-helper --quiet was-enabled \"$unit\"")
package_service(docket-master master)
file(GLOB documents ${PROJECT_SOURCE_DIR}/docs/*.md ${PROJECT_SOURCE_DIR}/docs/*.svg)
install(FILES ${documents} DESTINATION share/doc/docket-master COMPONENT master)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/tls ${PROJECT_SOURCE_DIR}/docs/monitoring
  DESTINATION share/doc/docket-master COMPONENT master)
package_file(changelog.gz COMMAND gzip -9nc ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  DEPENDS ${PROJECT_SOURCE_DIR}/CHANGELOG.md)
install(FILES ${generated}/changelog.gz DESTINATION share/doc/docket-master COMPONENT master)

package_program(docket-agent agent 8 sbin)
set(DOCKET_FIRST_START "does not start it: it has no master yet")
set(DOCKET_ENABLED "deb-systemd-helper --quiet debian-installed \"$unit\" && deb-systemd-helper --quiet was-enabled \"$unit\"")
package_service(docket-agent agent)

package_program(docket cli 1 bin)
foreach(shell bash zsh)
  package_file(completion.${shell} COMMAND docket completion ${shell} DEPENDS docket)
endforeach()
install(FILES ${generated}/completion.bash DESTINATION share/bash-completion/completions
  RENAME docket COMPONENT cli)
install(FILES ${generated}/completion.zsh DESTINATION share/zsh/vendor-completions
  RENAME _docket COMPONENT cli)

add_custom_target(package-files DEPENDS ${package_files})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The Docket authors <docket@packages.example.org>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
  GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL master agent cli)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_MASTER_PACKAGE_NAME docket-master)
set(CPACK_DEBIAN_AGENT_PACKAGE_NAME docket-agent)
set(CPACK_DEBIAN_CLI_PACKAGE_NAME docket)
set(CPACK_DEBIAN_MASTER_PACKAGE_SECTION net)
set(CPACK_DEBIAN_AGENT_PACKAGE_SECTION net)
set(CPACK_DEBIAN_CLI_PACKAGE_SECTION net)
# systemd-sysusers makes the users.
set(CPACK_DEBIAN_MASTER_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_AGENT_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_MASTER_PACKAGE_RECOMMENDS docket)
set(CPACK_COMPONENT_MASTER_DESCRIPTION "job queue in front of Jobe sandboxes: the master
A CodeRunner site whose exams are larger than one Jobe sandbox points at the
master of a Docket cluster instead. Runs wait in its queue, on disk, instead of
overloading a sandbox, and survive the death of any sandbox host.")
set(CPACK_COMPONENT_AGENT_DESCRIPTION "job queue in front of Jobe sandboxes: the agent
One agent beside each Jobe of a Docket cluster dials the master, runs what
it is given on that Jobe and keeps results while the master is away.")
set(CPACK_COMPONENT_CLI_DESCRIPTION "job queue in front of Jobe sandboxes: the command line
The docket command looks into the master of a Docket cluster: its hosts, its
runs, its keys; and runs programs on its sandboxes.")
include(CPack)
